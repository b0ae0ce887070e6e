"""When a drop leaves and until when, said in sentences: the hours are the law's and the shop's."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import ngettext

from apps.campaigns.lots import lot_of
from apps.campaigns.models import Drop
from apps.core.templatetags.french import jour, nombre
from apps.messaging.hours import next_allowed
from apps.shops.models import Shop

# How long a drop that says nothing else is worth waiting for.
RELEVANT = timedelta(days=3)


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


def last_day(drop: Drop, shop: Shop, now: datetime) -> date:
    """The last day on which the drop may leave: as its author says, else while its code and its
    product can be had, else three days after the first day on which it could; never with a dead
    code, nor for a product that is gone."""
    leaves = next_allowed(shop, "", max(drop.send_at or now, now)).astimezone(shop.zone).date()
    lot = lot_of(drop)
    code, fetched = drop.offer_until if drop.offer else None, lot.until if lot else None
    ends = [day for day in (code, fetched) if day]
    return min([drop.relevant_until or min(ends, default=leaves + RELEVANT), *ends])


def last_moment(drop: Drop, shop: Shop, now: datetime) -> datetime:
    """The end of ``last_day`` where the shop is."""
    day = last_day(drop, shop, now)
    return datetime.combine(day, time.max, shop.zone)


@dataclass(frozen=True, slots=True)
class Wave:
    """So many people on one day; ``waits`` says why not at once, as ``Chosen.waits``."""

    day: date
    waits: str
    people: int


def waves_said(waves: Sequence[Wave], shop: Shop, now: datetime) -> str:
    """« 312 partiront demain, 14 seulement jeudi 26 novembre : un autre message les a atteints il y
    a moins de 7 jours. »; empty when nobody waits for the cap."""
    capped = [wave for wave in waves if wave.waits == "too_soon"]
    if not capped:
        return ""
    others = Counter[date]()
    for wave in waves:
        others[wave.day] += wave.people if wave not in capped else 0
    said = [(people, day_said(day, now)) for day, people in sorted(others.items()) if people]
    many, days = sum(wave.people for wave in capped), sorted(wave.day for wave in capped)
    first, last = day_said(days[0], now), day_said(days[-1], now)
    said.append((many, f"seulement {first}" if first == last else f"entre {first} et {last}"))
    (people, day), *more = said
    verb = ngettext("partira", "partiront", people)
    parts = [f"{nombre(people)} {verb} {day}", *(f"{nombre(n)} {day}" for n, day in more)]
    whom = ngettext("l’a atteint", "les a atteints", many)
    days_ago = ngettext("%d jour", "%d jours", shop.cap_days) % shop.cap_days
    return f"{', '.join(parts)} : un autre message {whom} il y a moins de {days_ago}."


def day_said(day: date, now: datetime) -> str:
    """« aujourd’hui », « demain », « jeudi 26 novembre »."""
    ahead = (day - timezone.localdate(now)).days
    if ahead in (0, 1):
        return ("aujourd’hui", "demain")[ahead]
    return date_format(day, "l j F").lower()
