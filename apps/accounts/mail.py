"""The platform's own mails: written in the caller's transaction, sent by a worker."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone

from apps.accounts.models import PlatformMail
from apps.core.french import spaced
from apps.core.jobs import enqueue
from apps.core.logs import scrub
from apps.core.tenancy import across_shops


def post(*, to: str, subject: str, text: str, html: str) -> None:
    """Queue a mail to a team member; the job's row carries its id only."""
    mail = PlatformMail.objects.create(to=to, subject=subject[:200], text=text, html=html)
    enqueue(deliver, mail.pk)


def post_letter(*, to: str, subject: str, text: str, action: str = "") -> None:
    """Queue a mail in the platform's own words.

    ``text`` is the whole of it. Its HTML twin says the same in our look, with the link that stands
    alone on a line as a button that reads ``action``.
    """
    text = spaced(text.strip())
    context = {"subject": subject, "parts": _parts(text), "action": action}
    html = render_to_string("accounts/mail/page.html", context)
    post(to=to, subject=subject, text=text, html=html)


def _parts(text: str) -> list[dict[str, Any]]:
    # Only our own address makes a button: a shop's name is somebody's words.
    ours = f"{settings.SCHEME}://{settings.PLATFORM_HOST}{settings.PORT_SUFFIX}/"
    parts = [part.strip() for part in text.split("\n\n") if part.strip()]
    return [{"text": p, "is_link": p.startswith(ours) and len(p.split()) == 1} for p in parts]


def deliver(mail_id: int) -> None:
    """Claim, commit, send. A crash while sending leaves it claimed, and it is not sent again."""
    claimed = PlatformMail.objects.filter(pk=mail_id, claimed_at=None, sent_at=None)
    if not claimed.update(claimed_at=timezone.now()):
        return
    mail = PlatformMail.objects.get(pk=mail_id)
    message = EmailMultiAlternatives(
        mail.subject, mail.text, settings.DEFAULT_FROM_EMAIL, [mail.to]
    )
    message.attach_alternative(mail.html, "text/html")
    try:
        message.send()
    except Exception as error:
        # Nothing has left: the job fails, and its next try may claim the mail again.
        reason = scrub(f"{type(error).__name__} {error}")[:200]
        PlatformMail.objects.filter(pk=mail_id).update(claimed_at=None, error=reason)
        raise
    PlatformMail.objects.filter(pk=mail_id).update(
        sent_at=timezone.now(), text="", html="", error=""
    )


def forget_old_mails(days: int = 30) -> None:
    """Recurring: a mail that left, or never could, is not kept."""
    limit = timezone.now() - timedelta(days=days)
    with across_shops():
        PlatformMail.objects.filter(Q(sent_at__lt=limit) | Q(created_at__lt=limit)).delete()
