"""Twilio passes the suite on both of its channels."""

from __future__ import annotations

from urllib.parse import parse_qs

from notify_grpc.channels.twilio import TwilioProvider, TwilioSettings, twilio_whatsapp
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.provider import Provider
from tests.conformance.provider import HttpProviderSuite, Refusal, message
from tests.conformance.provider.making import DELIVERY_ID
from tests.support.clock import ManualClock
from tests.support.scripted_http import Received, Reply, ScriptedServer

CREATED = Reply(201, b'{"sid":"SM1","status":"queued"}')


def settings(url: str, timeout_s: float, **more: str) -> TwilioSettings:
    return TwilioSettings("AC1", "s3cret-token", base_url=url, timeout_s=timeout_s, **more)


def refused(status: int, code: int, error_class: ErrorClass) -> Refusal:
    return Refusal(
        Reply(status, b'{"code":%d,"message":"free text","status":%d}' % (code, status)), error_class, str(code)
    )


def form(request: Received) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(request.body.decode()).items()}


class TestTwilioSms(HttpProviderSuite):
    channel = Channel.SMS
    target = "+15551234567"
    secret_values = ("s3cret-token",)
    accepted = CREATED
    accepted_id = "SM1"
    refusals = (
        refused(400, 21211, ErrorClass.PERMANENT),
        refused(400, 21610, ErrorClass.PERMANENT),
        refused(403, 21408, ErrorClass.PERMANENT),
        refused(400, 21606, ErrorClass.MISCONFIGURED),
        refused(401, 20003, ErrorClass.MISCONFIGURED),
        refused(400, 21611, ErrorClass.RATE_LIMITED),
        refused(429, 20429, ErrorClass.RATE_LIMITED),
        refused(500, 20500, ErrorClass.TRANSIENT),
        refused(400, 99999, ErrorClass.PERMANENT),
    )

    def make(self, url: str, clock: ManualClock, timeout_s: float) -> Provider:
        return TwilioProvider(settings(url, timeout_s, from_number="+15550000000"), clock=clock)

    async def test_the_request(self, provider: Provider, server: ScriptedServer) -> None:
        await provider.send(message(self.channel, self.target, ttl_s=100_000))
        [request] = server.sends
        assert request.path == "/2010-04-01/Accounts/AC1/Messages.json"
        assert request.headers["authorization"] == "Basic QUMxOnMzY3JldC10b2tlbg=="
        assert form(request) == {
            "To": "+15551234567",
            "From": "+15550000000",
            "Body": "Your order\nIt is on its way.",
            "ValidityPeriod": "36000",
        }

    async def test_long_texts_are_cut_where_twilio_would_refuse_them(
        self, provider: Provider, server: ScriptedServer
    ) -> None:
        await provider.send(message(self.channel, self.target, Content(body="x" * 2000)))
        assert form(server.sends[0])["Body"] == "x" * 1599 + "…"


class TestTwilioWhatsapp(HttpProviderSuite):
    channel = Channel.WHATSAPP
    target = "+15551234567"
    secret_values = ("s3cret-token",)
    accepted = CREATED
    accepted_id = "SM1"
    refusals = (
        refused(400, 63007, ErrorClass.MISCONFIGURED),
        refused(400, 63016, ErrorClass.PERMANENT),
        refused(429, 63018, ErrorClass.RATE_LIMITED),
    )

    def make(self, url: str, clock: ManualClock, timeout_s: float) -> Provider:
        extra = {"messaging_service_sid": "MG1", "status_callback": "https://n.example.org/callbacks/twilio"}
        return twilio_whatsapp(settings(url, timeout_s, **extra), clock=clock)

    async def test_the_request_carries_the_prefix_and_where_to_report(
        self, provider: Provider, server: ScriptedServer
    ) -> None:
        await provider.send(message(self.channel, self.target))
        assert form(server.sends[0]) == {
            "To": "whatsapp:+15551234567",
            "MessagingServiceSid": "MG1",
            "Body": "Your order\nIt is on its way.",
            "StatusCallback": f"https://n.example.org/callbacks/twilio?delivery_id={DELIVERY_ID}",
        }

    async def test_a_template(self, provider: Provider, server: ScriptedServer) -> None:
        data = {"whatsapp_template": "HX1", "whatsapp_parameters": '["Ann","7"]'}
        await provider.send(message(self.channel, self.target, Content(data=data)))
        sent = form(server.sends[0])
        assert (sent["ContentSid"], sent["ContentVariables"]) == ("HX1", '{"1": "Ann", "2": "7"}')

    async def test_bad_template_parameters_are_permanent_and_unsent(
        self, provider: Provider, server: ScriptedServer
    ) -> None:
        data = {"whatsapp_template": "HX1", "whatsapp_parameters": "[1]"}
        receipt = await provider.send(message(self.channel, self.target, Content(data=data)))
        assert (receipt.error_class, receipt.error_code) == (ErrorClass.PERMANENT, "bad_parameters")
        assert server.sends == []
