"""What the workers run for the platform's own pages."""

from typing import Any

import requests
from django.conf import settings
from twilio.request_validator import RequestValidator

from apps.core.mailbox import read_answer
from apps.core.tokens import new_token
from apps.ops.mailbox import Letter, letter


def answer_letter(reference: str) -> None:
    """Answer an SMS or a mail of the local mailbox as its reader would: a request like the
    provider's, signed as it signs.

    The worker posts it, so that the web process never waits for itself.
    """
    about, text = read_answer(reference)
    found = letter(about)
    if found is None or not found.reply_url:
        return
    (_answer_mail if found.is_mail else _answer_sms)(found, text)


def _answer_sms(sms: Letter, text: str) -> None:
    line = "whatsapp:" if sms.kind == "WhatsApp" else ""
    fields = {
        "MessageSid": f"SM{new_token()}",
        "From": line + sms.to,
        "To": line + sms.sender,
        "Body": text,
    }
    signature = RequestValidator(settings.TWILIO_AUTH_TOKEN).compute_signature(
        sms.reply_url, fields
    )
    headers = {"X-Twilio-Signature": signature}
    requests.post(sms.reply_url, data=fields, headers=headers, timeout=10).raise_for_status()


def _answer_mail(mail: Letter, text: str) -> None:
    item: dict[str, Any] = {
        "MessageId": f"<{new_token()}@exemple.fr>",
        "From": {"Name": "", "Address": mail.to},
        "To": [{"Name": "", "Address": mail.reply_to}],
        "Subject": f"Re: {mail.subject}",
        "RawTextBody": text,
    }
    headers = {"Authorization": f"Bearer {settings.BREVO_WEBHOOK_SECRET}"}
    requests.post(
        mail.reply_url, json={"items": [item]}, headers=headers, timeout=10
    ).raise_for_status()
