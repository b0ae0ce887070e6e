"""What the workers run for the platform's own pages."""

import requests
from django.conf import settings
from twilio.request_validator import RequestValidator

from apps.core.tokens import new_token
from apps.ops.mailbox import letter


def answer_sms(reference: str, text: str) -> None:
    """Answer an SMS of the local mailbox as its reader would: a request signed like Twilio's.

    The worker posts it, so that the web process never waits for itself.
    """
    sms = letter(reference)
    if sms is None or not sms.reply_url:
        return
    fields = {"MessageSid": f"SM{new_token()}", "From": sms.to, "To": sms.sender, "Body": text}
    signature = RequestValidator(settings.TWILIO_AUTH_TOKEN).compute_signature(
        sms.reply_url, fields
    )
    headers = {"X-Twilio-Signature": signature}
    requests.post(sms.reply_url, data=fields, headers=headers, timeout=10).raise_for_status()
