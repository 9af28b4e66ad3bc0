"""Amazon SNS passes the suite; its answers are XML."""

from __future__ import annotations

from urllib.parse import parse_qs

from notify_grpc.channels.aws import AwsCredentials
from notify_grpc.channels.sns import SnsProvider, SnsSettings
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.provider import Provider
from tests.conformance.provider import HttpProviderSuite, Refusal, message
from tests.support.clock import ManualClock
from tests.support.scripted_http import Reply, ScriptedServer

NAMESPACE = b'xmlns="http://sns.amazonaws.com/doc/2010-03-31/"'


def refused(status: int, code: str, error_class: ErrorClass) -> Refusal:
    body = b"<ErrorResponse %s><Error><Code>%s</Code><Message>free text</Message></Error></ErrorResponse>"
    return Refusal(Reply(status, body % (NAMESPACE, code.encode())), error_class, code)


class TestSns(HttpProviderSuite):
    channel = Channel.SMS
    target = "+15551234567"
    secret_values = ("s3cret-key", "s3cret-session")
    accepted = Reply(
        200,
        b"<PublishResponse %s><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>" % NAMESPACE,
    )
    accepted_id = "m-1"
    refusals = (
        refused(400, "InvalidParameter", ErrorClass.PERMANENT),
        refused(400, "OptedOut", ErrorClass.PERMANENT),
        refused(400, "Throttling", ErrorClass.RATE_LIMITED),
        refused(403, "AuthorizationError", ErrorClass.MISCONFIGURED),
        refused(400, "IncompleteSignature", ErrorClass.MISCONFIGURED),
        refused(500, "InternalError", ErrorClass.TRANSIENT),
    )

    def make(self, url: str, clock: ManualClock, timeout_s: float) -> Provider:
        credentials = AwsCredentials("AKID", "s3cret-key", "s3cret-session")
        settings = SnsSettings(credentials, "eu-central-1", sender_id="Shop", base_url=url, timeout_s=timeout_s)
        return SnsProvider(settings, clock=clock)

    async def test_the_request(self, provider: Provider, server: ScriptedServer) -> None:
        await provider.send(message(self.channel, self.target))
        [request] = server.sends
        assert request.headers["authorization"].startswith(
            "AWS4-HMAC-SHA256 Credential=AKID/20250615/eu-central-1/sns/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
        )
        form = {name: value for name, [value] in parse_qs(request.body.decode()).items()}
        assert (
            form.items()
            >= {
                "Action": "Publish",
                "PhoneNumber": "+15551234567",
                "Message": "Your order\nIt is on its way.",
                "MessageAttributes.entry.1.Value.StringValue": "Transactional",
                "MessageAttributes.entry.2.Name": "AWS.SNS.SMS.SenderID",
                "MessageAttributes.entry.2.Value.StringValue": "Shop",
            }.items()
        )

    async def test_long_texts_are_cut_to_the_bytes_sns_takes(self, provider: Provider, server: ScriptedServer) -> None:
        await provider.send(message(self.channel, self.target, Content(body="💥" * 2000)))
        [text] = parse_qs(server.sends[0].body.decode())["Message"]
        assert text == "💥" * 399 + "…"
