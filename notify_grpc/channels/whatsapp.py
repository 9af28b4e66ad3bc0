"""WhatsApp templates: the only messages allowed outside the 24 hours after a recipient wrote to us."""

from __future__ import annotations

import json
from dataclasses import dataclass

from notify_grpc.channels.http import NoAnswer
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Content
from notify_grpc.ports.provider import Receipt


@dataclass(frozen=True, slots=True)
class Template:
    """An approved template: its name (at Twilio its ContentSid), language and the values for its {{1}}, {{2}} …"""

    name: str
    language: str
    parameters: tuple[str, ...]


def template_of(content: Content) -> Template | None:
    """From ``data``: whatsapp_template, whatsapp_language (en_US) and whatsapp_parameters (a JSON list of strings).

    None without a template. Raises NoAnswer (permanent) if the parameters are no such list.
    """
    name = content.data.get("whatsapp_template")
    if not name:
        return None
    try:
        parameters = json.loads(content.data.get("whatsapp_parameters") or "[]")
    except (ValueError, RecursionError):
        parameters = None
    if not isinstance(parameters, list) or not all(isinstance(value, str) for value in parameters):
        raise NoAnswer(
            Receipt(
                ErrorClass.PERMANENT,
                error_code="bad_parameters",
                error="data.whatsapp_parameters is not a JSON list of strings",
            )
        )
    return Template(name, content.data.get("whatsapp_language") or "en_US", tuple(parameters))
