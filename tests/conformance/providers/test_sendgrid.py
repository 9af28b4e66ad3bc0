"""SendGrid passes the suite; its success is a status without a body."""

from __future__ import annotations

import json

from notify_grpc.channels.sendgrid import SendGridProvider, SendGridSettings
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.provider import Provider
from tests.conformance.provider import HttpProviderSuite, Refusal, message
from tests.conformance.provider.making import DELIVERY_ID
from tests.support.clock import ManualClock
from tests.support.scripted_http import Reply, ScriptedServer


class TestSendGrid(HttpProviderSuite):
    channel = Channel.EMAIL
    target = "alice@example.org"
    secret_values = ("s3cret-key",)
    accepted = Reply(202, headers={"x-message-id": "m-1"})
    accepted_id = "m-1"
    reads_body = False
    refusals = (
        Refusal(Reply(400, b'{"errors":[{"message":"free text"}]}'), ErrorClass.PERMANENT, "http_400"),
        Refusal(Reply(413), ErrorClass.PERMANENT, "http_413"),
    )

    def make(self, url: str, clock: ManualClock, timeout_s: float) -> Provider:
        settings = SendGridSettings("s3cret-key", "Shop <shop@example.com>", base_url=url, timeout_s=timeout_s)
        return SendGridProvider(settings, clock=clock)

    async def test_the_request(self, provider: Provider, server: ScriptedServer) -> None:
        await provider.send(message(self.channel, self.target, Content("Hi", "Text", data={"html": "<p>Hi</p>"})))
        [request] = server.sends
        assert request.headers["authorization"] == "Bearer s3cret-key"
        assert json.loads(request.body) == {
            "personalizations": [{"to": [{"email": "alice@example.org"}], "custom_args": {"delivery_id": DELIVERY_ID}}],
            "from": {"email": "shop@example.com", "name": "Shop"},
            "subject": "Hi",
            "content": [{"type": "text/plain", "value": "Text"}, {"type": "text/html", "value": "<p>Hi</p>"}],
            "headers": {"Message-ID": f"<{DELIVERY_ID}@example.com>"},
        }
