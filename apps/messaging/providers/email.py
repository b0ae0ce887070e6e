"""E-mail through Django's backend: SMTP, Brevo (anymail), or the local mailbox."""

import smtplib
from contextlib import suppress
from datetime import datetime
from email.utils import formataddr
from typing import Any

import requests
from anymail.exceptions import AnymailAPIError, AnymailError
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from apps.core.mailbox import ATTEMPT_HEADER, find
from apps.core.outgoing import retry_after
from apps.messaging.models import Status
from apps.messaging.providers.base import (
    NEVER_CAME,
    Capabilities,
    DeliveryFailed,
    DeliveryUncertain,
    Outgoing,
    Receipt,
    network_failure,
)


def compose(message: Outgoing, connection: BaseEmailBackend | None = None) -> Any:
    """The MIME mail: in the shop's name, answers to the shop."""
    headers = {ATTEMPT_HEADER: message.attempt}
    if message.commercial:
        headers["List-Unsubscribe"] = f"<{message.one_click_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail = EmailMultiAlternatives(
        message.subject,
        message.body,
        formataddr((message.sender_name, message.sender)),
        [message.to],
        reply_to=[message.reply_to] if message.reply_to else None,
        headers=headers,
        connection=connection,
    )
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    if message.file:
        with default_storage.open(message.file) as kept:
            mail.attach(message.file_name, kept.read(), "application/pdf")
    # Brevo gives these back with every event; the other backends ignore them.
    mail.metadata = {"shop": message.shop_token, "attempt": message.attempt}  # type: ignore[attr-defined]
    return mail


def _composed(message: Outgoing, connection: BaseEmailBackend) -> Any:
    try:
        return compose(message, connection)
    except FileNotFoundError as error:
        raise DeliveryFailed("no_file", permanent=True) from error


class Email:
    can = Capabilities()

    def __init__(self) -> None:
        self.name = settings.EMAIL_PROVIDER

    def send(self, message: Outgoing) -> Receipt:
        connection = get_connection()
        try:
            connection.open()
        except (OSError, smtplib.SMTPException) as error:
            raise _before_anything(error) from error
        try:
            mail = _composed(message, connection)
            connection.send_messages([mail])
        except AnymailAPIError as error:
            raise _brevo_failure(error) from error
        except (AnymailError, ValueError) as error:  # such as a line break in the subject
            raise DeliveryFailed("unsendable", permanent=True) from error
        except smtplib.SMTPException as error:
            raise _smtp_failure(error) from error
        except OSError as error:
            raise DeliveryUncertain("no_answer") from error
        finally:
            # The mail is accepted: a server that hangs up on QUIT changes nothing.
            with suppress(OSError, smtplib.SMTPException):
                connection.close()
        status = getattr(mail, "anymail_status", None)
        if self.name == "local":
            return Receipt(getattr(mail, "posted_as", ""), Status.DELIVERED)
        return Receipt(str(getattr(status, "message_id", None) or "")[:120], Status.SENT)

    def look_up(self, message: Outgoing, since: datetime) -> Receipt | DeliveryFailed | None:
        """Only the local mailbox can be asked; elsewhere the provider's own news decides."""
        if self.name != "local":
            return None
        found = find(message.attempt)
        return Receipt(found, Status.DELIVERED) if found else NEVER_CAME


def _before_anything(error: Exception) -> DeliveryFailed:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return DeliveryFailed("account_refused", quota=True)
    return DeliveryFailed("network")


def _smtp_failure(error: smtplib.SMTPException) -> DeliveryFailed | DeliveryUncertain:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, _ = next(iter(error.recipients.values()))
        permanent = 500 <= code < 600
        return DeliveryFailed("bad_mailbox" if permanent else f"smtp_{code}", permanent=permanent)
    if isinstance(error, smtplib.SMTPResponseException):
        code = error.smtp_code
        return DeliveryFailed(f"smtp_{code}", permanent=500 <= code < 600)
    return DeliveryUncertain("no_answer")  # the server hung up, perhaps after it had the mail


_BREVO_PAUSES = {401: "account_refused", 402: "quota", 403: "account_refused"}


def _brevo_failure(error: AnymailAPIError) -> DeliveryFailed | DeliveryUncertain:
    cause = error.__cause__
    if isinstance(cause, requests.RequestException):
        return network_failure(cause)
    status = error.status_code
    if status in _BREVO_PAUSES:
        return DeliveryFailed(_BREVO_PAUSES[status], quota=True)
    if status in {429, 503}:
        headers = error.response.headers if error.response is not None else {}
        wait = retry_after(headers.get("Retry-After") or headers.get("x-sib-ratelimit-reset"))
        return DeliveryFailed("too_fast", retry_after=wait)
    if status is not None and 400 <= status < 500:
        return DeliveryFailed(f"brevo_{status}", permanent=True)
    return DeliveryUncertain("no_answer")
