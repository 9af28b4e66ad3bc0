"""A notification as an email (RFC 5322, MIME)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from notify_grpc.channels.addresses import email_error
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.ports.provider import Message

_SUBJECT_CHARS = 900
_POLICY = SMTP.clone(max_line_length=998, cte_type="7bit")
"""Line ends CRLF; 8-bit text is encoded, so every server takes it."""


def subject_of(message: Message) -> str:
    """The title on one line: line ends would start another header."""
    return " ".join(message.content.title.split())[:_SUBJECT_CHARS]


def html_of(message: Message) -> str:
    """The producer's HTML part (``data["html"]``), "" without one."""
    return message.content.data.get("html", "")


def mailbox_of(from_address: str) -> str:
    """``name@host`` out of ``Name <name@host>``. Raises InvalidArgument if there is none."""
    mailbox = parseaddr(from_address)[1]
    if not from_address.isprintable() or email_error(mailbox):
        raise InvalidArgument("sender of emails", "is neither name@host nor Name <name@host>")
    return mailbox


def message_id_of(message: Message, from_address: str) -> str:
    """The same on every attempt, so that a mailbox can drop the second copy."""
    return f"<{message.delivery_id}@{mailbox_of(from_address).rpartition('@')[2]}>"


def compose(message: Message, from_address: str) -> EmailMessage:
    """Text, with the HTML part as its alternative if there is one."""
    mail = EmailMessage(policy=_POLICY)
    name, mailbox = parseaddr(from_address)
    mail["From"] = Address(" ".join(name.split()), addr_spec=mailbox)
    mail["To"] = Address(addr_spec=message.target)
    mail["Subject"] = subject_of(message)
    mail["Date"] = format_datetime(datetime.fromtimestamp(message.created_at_ms / 1000, UTC))
    mail["Message-ID"] = message_id_of(message, from_address)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.content.body or message.content.title)
    if html := html_of(message):
        mail.add_alternative(html, subtype="html")
    return mail
