"""Filters every template has: money, phones, dates and spaces as French people write them."""

from collections.abc import Sized
from datetime import date, datetime

from django import template
from django.template.defaultfilters import pluralize
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, ngettext

from apps.core.french import spaced
from apps.core.money import show_euros
from apps.core.phone import mask_phone, show_phone

register = template.Library()

# Django's own French says « jan. », « fév. » and, elsewhere, « aoû ».
_SHORT_MONTHS = [
    "janv.",
    "févr.",
    "mars",
    "avr.",
    "mai",
    "juin",
    "juil.",
    "août",
    "sept.",
    "oct.",
    "nov.",
    "déc.",
]

register.filter("telephone", show_phone)
register.filter("telephone_masque", mask_phone)


@register.filter
def typo(text: object) -> str:
    """French spaces in a sentence, lazy or plain, on a French page; other languages have none."""
    french = (get_language() or "fr").startswith("fr")
    return spaced(str(text)) if french else str(text)


@register.filter
def email_masque(address: str) -> str:
    """``c•••@exemple.fr``: enough to recognise, too little to write to."""
    name, _, host = address.rpartition("@")
    return f"{name[:1]}•••@{host}" if name else ""


@register.filter(name="pluralize", is_safe=False)
def french_pluralize(value: object, ending: str = "s") -> str:
    """Django's filter as French counts: the plural begins at two (« 0 tampon », « 1,5 litre »)."""
    if get_language() != "fr":
        return str(pluralize(value, ending))
    count = len(value) if isinstance(value, Sized) else value
    singular, _, plural = ending.rpartition(",")
    try:
        return plural if abs(float(str(count))) >= 2 else singular
    except ValueError:
        return ""


@register.filter
def euros(cents: int | None) -> str:
    return "" if cents is None else show_euros(cents)


@register.filter
def prix_rond(cents: int) -> str:
    """``19 €``: decimals only when there are cents."""
    return show_euros(cents, always_decimals=False)


@register.filter
def nombre(value: int | None) -> str:
    """Thousands as the page's language writes them: ``1 500`` with U+202F in French."""
    if value is None:
        return ""
    separator = {"fr": "\u202f", "es": "."}.get(get_language() or "fr", ",")
    return f"{value:,}".replace(",", separator)


@register.filter
def jour(value: date | datetime | None) -> str:
    """``1er novembre 2026``."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = timezone.localtime(value).date()
    shown = date_format(value, "j F Y")
    french_first = value.day == 1 and (get_language() or "fr").startswith("fr")
    return f"1er{shown[1:]}" if french_first else shown


@register.filter
def de_mois(value: date) -> str:
    """``de novembre 2026``, ``d’octobre 2026``; the month alone in a language of another word."""
    shown = date_format(value, "F Y")
    if not (get_language() or "fr").startswith("fr"):
        return shown
    return f"d’{shown}" if shown[0] in "ao" else f"de {shown}"


@register.filter
def jour_court(value: date) -> str:
    """``7 sept.``, ``1er déc.``: where a whole date has no room, on the team's French pages."""
    day = "1er" if value.day == 1 else str(value.day)
    return f"{day} {_SHORT_MONTHS[value.month - 1]}"


@register.filter
def il_y_a(value: datetime | None) -> str:
    """``à l’instant``, ``il y a 4 min``, ``hier``, else the day."""
    if value is None:
        return gettext("jamais")
    now = timezone.now()
    seconds = (now - value).total_seconds()
    if seconds < 60:
        return gettext("à l’instant")
    if seconds < 3600:
        return gettext("il y a %(n)d min") % {"n": seconds // 60}
    days = (timezone.localdate(now) - timezone.localdate(value)).days
    return (
        _days_ago(days, value)
        if days
        else gettext("aujourd’hui à %(time)s")
        % {"time": timezone.localtime(value).strftime("%H:%M")}
    )


def _days_ago(days: int, value: datetime) -> str:
    if days == 1:
        return gettext("hier")
    if days < 45:
        return ngettext("il y a %(n)d jour", "il y a %(n)d jours", days) % {"n": days}
    return jour(value)
