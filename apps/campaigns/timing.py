"""When a drop leaves, said in a sentence: the hours are the law's and the shop's."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format

from apps.core.templatetags.french import jour
from apps.messaging.hours import next_allowed
from apps.shops.models import Shop


@dataclass(frozen=True, slots=True)
class Departure:
    """``at`` is when the first message leaves; ``postponed`` when that is not when asked."""

    at: datetime
    postponed: bool
    sentence: str


def _hour(at: datetime) -> str:
    return timezone.localtime(at).strftime("%H:%M")


def said(at: datetime, now: datetime) -> str:
    """« aujourd’hui à 17:30 », « lundi 23 novembre 2026 à 08:00 »."""
    days = (timezone.localdate(at) - timezone.localdate(now)).days
    if days in (0, 1):
        return f"{('aujourd’hui', 'demain')[days]} à {_hour(at)}"
    return f"{date_format(timezone.localtime(at), 'l').lower()} {jour(at)} à {_hour(at)}"


def departure(shop: Shop, send_at: datetime | None, now: datetime) -> Departure:
    """For a recipient where the shop is; others elsewhere follow their own clock."""
    asked = send_at or now
    at = next_allowed(shop, "", asked)
    if at > asked:
        hours = f"{shop.quiet_until:%H:%M} à {shop.quiet_from:%H:%M}"
        days = "" if shop.sundays_allowed else ", hors dimanches et jours fériés"
        sentence = f"Les messages sont permis de {hours}{days}. Le vôtre partira {said(at, now)}."
        return Departure(at, True, sentence)
    if send_at:
        return Departure(at, False, f"Partira {said(at, now)}, une heure permise.")
    return Departure(
        at, False, f"Partira tout de suite. Permis jusqu’à {shop.quiet_from:%H:%M} aujourd’hui."
    )
