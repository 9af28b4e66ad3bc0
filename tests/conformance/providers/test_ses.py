"""Amazon SES passes the suite."""

from __future__ import annotations

import json

from notify_grpc.channels.aws import AwsCredentials
from notify_grpc.channels.ses import SesProvider, SesSettings
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.provider import Provider
from tests.conformance.provider import HttpProviderSuite, Refusal, message
from tests.conformance.provider.making import DELIVERY_ID
from tests.support.clock import ManualClock
from tests.support.scripted_http import Reply, ScriptedServer


def refused(status: int, header: str, error_class: ErrorClass, code: str) -> Refusal:
    return Refusal(Reply(status, b'{"message":"free text"}', {"x-amzn-errortype": header}), error_class, code)


class TestSes(HttpProviderSuite):
    channel = Channel.EMAIL
    target = "alice@example.org"
    secret_values = ("s3cret-key",)
    accepted = Reply(200, b'{"MessageId":"m-1"}')
    accepted_id = "m-1"
    refusals = (
        refused(400, "MessageRejected", ErrorClass.PERMANENT, "MessageRejected"),
        refused(400, "BadRequestException:http://x/", ErrorClass.PERMANENT, "BadRequestException"),
        refused(429, "TooManyRequestsException", ErrorClass.RATE_LIMITED, "TooManyRequestsException"),
        refused(400, "LimitExceededException", ErrorClass.RATE_LIMITED, "LimitExceededException"),
        refused(400, "SendingPausedException", ErrorClass.MISCONFIGURED, "SendingPausedException"),
        refused(403, "InvalidSignatureException", ErrorClass.MISCONFIGURED, "InvalidSignatureException"),
        refused(404, "NotFoundException", ErrorClass.MISCONFIGURED, "NotFoundException"),
        Refusal(Reply(400, b'{"__type":"com.aws#ExpiredToken"}'), ErrorClass.MISCONFIGURED, "ExpiredToken"),
    )

    def make(self, url: str, clock: ManualClock, timeout_s: float) -> Provider:
        credentials = AwsCredentials("AKID", "s3cret-key")
        settings = SesSettings(
            credentials, "eu-west-1", "Läden <shop@example.com>", "events", base_url=url, timeout_s=timeout_s
        )
        return SesProvider(settings, clock=clock)

    async def test_the_request(self, provider: Provider, server: ScriptedServer) -> None:
        content = Content("Two\r\nlines", "Text ü", data={"html": "<p>ü</p>"})
        await provider.send(message(self.channel, self.target, content))
        [request] = server.sends
        assert request.path == "/v2/email/outbound-emails"
        assert json.loads(request.body) == {
            "FromEmailAddress": "=?utf-8?b?TMOkZGVu?= <shop@example.com>",
            "Destination": {"ToAddresses": ["alice@example.org"]},
            "Content": {
                "Simple": {
                    "Subject": {"Data": "Two lines", "Charset": "UTF-8"},
                    "Body": {
                        "Text": {"Data": "Text ü", "Charset": "UTF-8"},
                        "Html": {"Data": "<p>ü</p>", "Charset": "UTF-8"},
                    },
                }
            },
            "EmailTags": [{"Name": "delivery_id", "Value": DELIVERY_ID}],
            "ConfigurationSetName": "events",
        }
