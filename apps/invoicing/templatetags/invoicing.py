"""How the pages of invoices show what a record holds in whole numbers."""

from datetime import date
from typing import Any

from django import template

from apps.invoicing.models import Method
from apps.invoicing.reckoning import plain_quantity
from apps.invoicing.vat import show_rate
from apps.invoicing.words import COUNTRIES, Operation

register = template.Library()

register.filter("taux", show_rate)
register.filter("quantite", plain_quantity)


@register.filter
def siren(number: str) -> str:
    """``732 829 320``, held together."""
    return "\u00a0".join(number[at : at + 3] for at in range(0, len(number), 3))


@register.filter
def le_jour(text: str) -> date:
    """The date that a record holds as text."""
    return date.fromisoformat(text)


@register.filter
def pays(code: str) -> Any:
    """The country's name; nothing for France and its territories, whose post is one."""
    return "" if code == "FR" else COUNTRIES.get(code, "")


@register.filter
def operation(code: str) -> Any:
    return Operation(code).label


@register.filter
def moyen(code: str) -> Any:
    return Method(code).label
