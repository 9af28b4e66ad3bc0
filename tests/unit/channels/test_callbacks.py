"""Status callbacks: the signature decides, then the reports are read."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from notify_grpc.channels.callbacks import Callbacks
from notify_grpc.channels.callbacks.meta import MetaCallbacks
from notify_grpc.channels.callbacks.sendgrid import SendGridCallbacks
from notify_grpc.channels.callbacks.twilio import TwilioCallbacks
from notify_grpc.domain.deliveries import DeliveryState, ErrorClass
from notify_grpc.domain.errors import InvalidArgument, Unauthenticated
from notify_grpc.ports.store import Report
from tests.support.keys import p256

DELIVERY_ID = "0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
ACKED, FAILED = DeliveryState.ACKED, DeliveryState.FAILED


async def refuses(callbacks: Callbacks, headers: Mapping[str, str], url: str, body: bytes) -> bool:
    try:
        await callbacks.verify_and_parse(headers, url, body)
    except Unauthenticated:
        return True
    return False


class TestTwilio:
    callbacks = TwilioCallbacks(("other", "12345"), "https://mycompany.com/myapp.php")

    async def test_the_example_of_twilios_documentation(self) -> None:
        form = {
            "CallSid": "CA1234567890ABCDE",
            "Caller": "+14158675309",
            "Digits": "1234",
            "From": "+14158675309",
            "To": "+18005551212",
        }
        headers = {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}
        # What we see behind a proxy is not what Twilio called; the query is.
        url = "http://10.0.0.7:9090/callbacks/twilio?foo=1&bar=2"
        assert await self.callbacks.verify_and_parse(headers, url, urlencode(form).encode()) == []
        assert await refuses(self.callbacks, headers, url, urlencode(form | {"To": "+1"}).encode())
        assert await refuses(self.callbacks, headers, url + "&x=1", urlencode(form).encode())
        assert await refuses(self.callbacks, {}, url, urlencode(form).encode())

    @pytest.mark.parametrize(
        ("form", "reports"),
        [
            ({"MessageStatus": "sent"}, []),
            ({"MessageStatus": "delivered"}, [Report(ACKED, "twilio", "SM1", DELIVERY_ID)]),
            ({"MessageStatus": "read"}, [Report(ACKED, "twilio", "SM1", DELIVERY_ID)]),
            (
                {"MessageStatus": "undelivered", "ErrorCode": "30003"},
                [
                    Report(
                        FAILED,
                        "twilio",
                        "SM1",
                        DELIVERY_ID,
                        ErrorClass.PERMANENT,
                        "30003",
                        "twilio reported: not delivered",
                    )
                ],
            ),
        ],
    )
    async def test_the_reports(self, form: dict[str, str], reports: list[Report]) -> None:
        form = {"MessageSid": "SM1", **form}
        query = f"delivery_id={DELIVERY_ID}"
        signed = f"https://mycompany.com/myapp.php?{query}" + "".join(k + form[k] for k in sorted(form))
        headers = {"x-twilio-signature": b64encode(hmac.digest(b"12345", signed.encode(), "sha1")).decode()}
        url = f"http://localhost/callbacks/twilio?{query}"
        assert await self.callbacks.verify_and_parse(headers, url, urlencode(form).encode()) == reports


class TestSendGrid:
    key = p256()

    @property
    def callbacks(self) -> SendGridCallbacks:
        der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return SendGridCallbacks(b64encode(der).decode())

    def headers(self, body: bytes) -> dict[str, str]:
        signature = self.key.sign(b"1750000000" + body, ec.ECDSA(SHA256()))
        return {
            "x-twilio-email-event-webhook-signature": b64encode(signature).decode(),
            "x-twilio-email-event-webhook-timestamp": "1750000000",
        }

    async def test_the_reports(self) -> None:
        events = [
            {"event": "processed", "sg_message_id": "m-0.filter", "delivery_id": DELIVERY_ID},
            {"event": "delivered", "sg_message_id": "m-1.filter", "delivery_id": DELIVERY_ID},
            {"event": "open", "sg_message_id": "m-2.filter", "delivery_id": "not an id"},
            {"event": "bounce", "sg_message_id": "m-3.filter", "status": "5.1.1", "type": "bounce"},
            {"event": "bounce", "sg_message_id": "m-4.filter", "status": "4.7.1", "type": "blocked"},
            {"event": "dropped", "sg_message_id": "m-5.filter", "status": "free text <x>"},
            {"event": ["delivered"]},
            7,
        ]
        body = json.dumps(events).encode()
        error = "sendgrid reported: not delivered"
        assert await self.callbacks.verify_and_parse(self.headers(body), "", body) == [
            Report(ACKED, "sendgrid", "m-1", DELIVERY_ID),
            Report(ACKED, "sendgrid", "m-2"),
            Report(FAILED, "sendgrid", "m-3", "", ErrorClass.PERMANENT, "5.1.1", error),
            Report(FAILED, "sendgrid", "m-4", "", ErrorClass.TRANSIENT, "4.7.1", error),
            Report(FAILED, "sendgrid", "m-5", "", ErrorClass.PERMANENT, "undelivered", error),
        ]

    async def test_a_changed_body_timestamp_or_signature_is_refused(self) -> None:
        headers = self.headers(b"[]")
        assert not await refuses(self.callbacks, headers, "", b"[]")
        assert await refuses(self.callbacks, headers, "", b"[ ]")
        assert await refuses(self.callbacks, headers | {"x-twilio-email-event-webhook-timestamp": "1"}, "", b"[]")
        assert await refuses(self.callbacks, headers | {"x-twilio-email-event-webhook-signature": "💥"}, "", b"[]")
        assert await refuses(self.callbacks, {}, "", b"[]")

    @pytest.mark.parametrize("key", ["", "!", "AAAA"])
    def test_a_key_that_is_none(self, key: str) -> None:
        with pytest.raises(InvalidArgument):
            SendGridCallbacks(key)


class TestMeta:
    callbacks = MetaCallbacks("app-secret", "verify-me")

    def headers(self, body: bytes) -> dict[str, str]:
        return {"x-hub-signature-256": "sha256=" + hmac.new(b"app-secret", body, "sha256").hexdigest()}

    async def test_the_reports(self) -> None:
        statuses = [
            {"id": "wamid.0", "status": "sent", "biz_opaque_callback_data": DELIVERY_ID},
            {"id": "wamid.1", "status": "delivered", "biz_opaque_callback_data": DELIVERY_ID},
            {"id": "wamid.2", "status": "read"},
            {"id": "wamid.3", "status": "failed", "errors": [{"code": 131026, "title": "free text"}]},
            {"id": "wamid.4", "status": "failed", "errors": [{"code": 130429}]},
        ]
        body = json.dumps({"entry": [7, {"changes": [{"value": {"statuses": statuses}}, {"value": []}]}]}).encode()
        error = "meta reported: not delivered"
        assert await self.callbacks.verify_and_parse(self.headers(body), "", body) == [
            Report(ACKED, "meta", "wamid.1", DELIVERY_ID),
            Report(ACKED, "meta", "wamid.2"),
            Report(FAILED, "meta", "wamid.3", "", ErrorClass.PERMANENT, "131026", error),
            Report(FAILED, "meta", "wamid.4", "", ErrorClass.RATE_LIMITED, "130429", error),
        ]

    async def test_a_wrong_signature_is_refused(self) -> None:
        assert await refuses(self.callbacks, self.headers(b"{}"), "", b"{} ")
        assert await refuses(self.callbacks, {"x-hub-signature-256": "sha256=💥"}, "", b"{}")
        assert await refuses(self.callbacks, {}, "", b"{}")

    @pytest.mark.parametrize("body", [b"", b"[", b"[]", b"7", b'{"entry":{}}', b"[" * 100_000, b"\xff"])
    async def test_signed_nonsense_reports_nothing(self, body: bytes) -> None:
        assert await self.callbacks.verify_and_parse(self.headers(body), "", body) == []

    def test_the_challenge_is_answered_to_meta_alone(self) -> None:
        url = "/callbacks/meta?hub.mode=subscribe&hub.challenge=123&hub.verify_token="
        assert self.callbacks.challenge(url + "verify-me") == "123"
        with pytest.raises(Unauthenticated):
            self.callbacks.challenge(url + "guess")
        with pytest.raises(Unauthenticated):
            MetaCallbacks("app-secret", "").challenge(url)

    def test_secrets_are_not_shown(self) -> None:
        assert "app-secret" not in repr(self.callbacks)
        assert "verify-me" not in repr(self.callbacks)
