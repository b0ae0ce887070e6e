"""The mailbox of local mode: real MIME mails and SMS as files, read on the mailbox page."""

import json
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

ATTEMPT_HEADER = "X-Comptoir-Attempt"


def _put(name: str, content: bytes, token: str = "") -> str:
    folder = Path(settings.MAILBOX_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    reference = f"{timezone.now():%Y%m%d-%H%M%S-%f}-{token or uuid4().hex[:6]}"
    partial = folder / f".{reference}"
    partial.write_bytes(content)
    partial.rename(folder / f"{reference}.{name}")  # a reader never sees half a mail
    return reference


def post_email(mail: EmailMessage) -> str:
    """Write the MIME message; the file's name is its reference."""
    return _put("eml", mail.message().as_bytes(), mail.extra_headers.get(ATTEMPT_HEADER, ""))


def post_sms(
    *, sender: str, to: str, body: str, reply_url: str = "", token: str = "", kind: str = "SMS"
) -> str:
    """Write an SMS, or another ``kind`` of text to a phone; ``reply_url`` is where the mailbox
    page posts an answer."""
    sms = {"from": sender, "to": to, "body": body, "reply_url": reply_url, "kind": kind}
    return _put("sms", json.dumps(sms, ensure_ascii=False).encode(), token)


def post_answer(*, to: str, text: str) -> str:
    """Write what a reader answers to the letter ``to``; jobs carry its name and no words."""
    answer = {"to": to, "text": text}
    return _put("answer", json.dumps(answer, ensure_ascii=False).encode())


def read_answer(reference: str) -> tuple[str, str]:
    """The letter that is answered, and the words."""
    content = (Path(settings.MAILBOX_DIR) / f"{reference}.answer").read_bytes()
    answer = json.loads(content)
    return answer["to"], answer["text"]


def find(token: str) -> str:
    """The reference of what was posted under ``token``, empty when nothing was."""
    found = next(Path(settings.MAILBOX_DIR).glob(f"*-{token}.*"), None)
    return found.stem if found else ""


class MailboxBackend(BaseEmailBackend):
    def send_messages(self, email_messages: list[EmailMessage]) -> int:  # type: ignore[override]
        for mail in email_messages:
            mail.posted_as = post_email(mail)  # type: ignore[attr-defined]
        return len(email_messages)
