"""Meta's Cloud API passes the suite."""

from __future__ import annotations

import json

from notify_grpc.channels.meta import MetaProvider, MetaSettings
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.provider import Provider
from tests.conformance.provider import HttpProviderSuite, Refusal, message
from tests.conformance.provider.making import DELIVERY_ID
from tests.support.clock import ManualClock
from tests.support.scripted_http import Reply, ScriptedServer


def refused(status: int, code: int, error_class: ErrorClass) -> Refusal:
    return Refusal(Reply(status, b'{"error":{"message":"free text","code":%d}}' % code), error_class, str(code))


class TestMeta(HttpProviderSuite):
    channel = Channel.WHATSAPP
    target = "+15551234567"
    secret_values = ("s3cret-token",)
    accepted = Reply(200, b'{"messaging_product":"whatsapp","messages":[{"id":"wamid.1"}]}')
    accepted_id = "wamid.1"
    refusals = (
        refused(400, 100, ErrorClass.PERMANENT),
        refused(400, 131026, ErrorClass.PERMANENT),
        refused(400, 131047, ErrorClass.PERMANENT),
        refused(401, 190, ErrorClass.MISCONFIGURED),
        refused(400, 133010, ErrorClass.MISCONFIGURED),
        refused(400, 130429, ErrorClass.RATE_LIMITED),
        refused(400, 131056, ErrorClass.RATE_LIMITED),
        refused(400, 131000, ErrorClass.TRANSIENT),
        refused(400, 424242, ErrorClass.PERMANENT),
    )

    def make(self, url: str, clock: ManualClock, timeout_s: float) -> Provider:
        return MetaProvider(MetaSettings("107", "s3cret-token", base_url=url, timeout_s=timeout_s), clock=clock)

    async def test_a_text(self, provider: Provider, server: ScriptedServer) -> None:
        await provider.send(message(self.channel, self.target))
        [request] = server.sends
        assert request.path == "/v23.0/107/messages"
        assert request.headers["authorization"] == "Bearer s3cret-token"
        assert json.loads(request.body) == {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "15551234567",
            "biz_opaque_callback_data": DELIVERY_ID,
            "type": "text",
            "text": {"preview_url": False, "body": "Your order\nIt is on its way."},
        }

    async def test_a_template(self, provider: Provider, server: ScriptedServer) -> None:
        data = {
            "whatsapp_template": "order_sent",
            "whatsapp_language": "de",
            "whatsapp_parameters": '["Ann"]',
        }
        await provider.send(message(self.channel, self.target, Content(data=data)))
        assert json.loads(server.sends[0].body)["template"] == {
            "name": "order_sent",
            "language": {"code": "de"},
            "components": [{"type": "body", "parameters": [{"type": "text", "text": "Ann"}]}],
        }
