"""Reading the local mailbox: real MIME mails and SMS, newest first."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from django.conf import settings
from django.urls import reverse


@dataclass(frozen=True, slots=True)
class Letter:
    """One SMS, WhatsApp (``subject`` empty) or mail. ``reply_url``: where an answer goes, if it
    can."""

    reference: str
    at: datetime
    kind: str
    sender: str
    to: str
    subject: str
    text: str
    html: str
    reply_url: str
    reply_to: str = ""  # a mail's

    @property
    def is_mail(self) -> bool:
        return self.kind == "E-mail"


def _at(reference: str) -> datetime:
    return datetime.strptime(reference[:22], "%Y%m%d-%H%M%S-%f").replace(tzinfo=UTC)


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()).strip() if part else ""


def _read(path: Path) -> Letter:
    return _read_sms(path) if path.suffix == ".sms" else _read_mail(path)


def _read_sms(path: Path) -> Letter:
    sms = json.loads(path.read_bytes())
    return Letter(
        reference=path.stem,
        at=_at(path.stem),
        kind=sms.get("kind", "SMS"),
        sender=sms["from"],
        to=sms["to"],
        subject="",
        text=sms["body"],
        html="",
        reply_url=sms["reply_url"],
    )


def _mail_reply_url() -> str:
    host = f"{settings.SCHEME}://{settings.PLATFORM_HOST}{settings.PORT_SUFFIX}"
    return host + reverse("brevo_reply", urlconf=settings.PUBLIC_SCHEMA_URLCONF)


def _read_mail(path: Path) -> Letter:
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    reply_to = str(mail["Reply-To"] or "")
    return Letter(
        reference=path.stem,
        at=_at(path.stem),
        kind="E-mail",
        sender=str(mail["From"]),
        to=str(mail["To"]),
        subject=str(mail["Subject"] or ""),
        text=_part(mail, "plain"),
        html=_part(mail, "html"),
        reply_url=_mail_reply_url() if reply_to.endswith(f"@{settings.REPLY_DOMAIN}") else "",
        reply_to=reply_to,
    )


def letters(after: str = "", limit: int = 100) -> list[Letter]:
    """What arrived after the letter ``after``, newest first. Names begin with the moment."""
    folder = Path(settings.MAILBOX_DIR)
    found = [p for p in folder.glob("[0-9]*.*") if p.suffix in {".sms", ".eml"} and p.stem > after]
    return [_read(path) for path in sorted(found, reverse=True)[:limit]]


def letter(reference: str) -> Letter | None:
    """The SMS or mail with this reference, if it is there."""
    return next((one for one in letters(limit=1000) if one.reference == reference), None)
