"""The sheet of a closed period, what a till calls its Z: a PDF drawn from the sealed closure.

A worker draws it; the file is named by the closure's hash, so that one that lies there is right.
"""

from datetime import date
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.core import drawing
from apps.core.jobs import enqueue
from apps.core.money import show_euros
from apps.core.templatetags.french import jour, nombre
from apps.core.tenancy import current_schema
from apps.invoicing.closing import SHEET
from apps.invoicing.models import Closure, Method, Payment, Period
from apps.invoicing.paper import DRAWINGS, spaced_siren
from apps.invoicing.vat import show_rate
from apps.shops.models import Shop

_KINDS = {Period.DAY: "journalière", Period.MONTH: "mensuelle", Period.YEAR: "annuelle"}


def stored_name(closure: Closure) -> str:
    return f"{current_schema()}/clotures/{closure.record.hash}.pdf"


def title_of(closure: Closure) -> str:
    """« Clôture du 20 novembre 2026 », « … de novembre 2026 », « … de l’année 2026 »."""
    if closure.period == Period.DAY:
        return f"Clôture du {jour(closure.starts)}"
    if closure.period == Period.YEAR:
        return f"Clôture de l’année {closure.starts.year}"
    month = jour(closure.starts).split(" ", 1)[1]
    return f"Clôture {'d’' if month[0] in 'ao' else 'de '}{month}"


def ask(closure: Closure) -> None:
    """Have it drawn by the worker; somebody waits for it."""
    enqueue(SHEET, closure.pk, urgent=True)


def make(record_id: int, shop: Shop) -> None:
    """The worker's part; again, what lies there is left."""
    closure = Closure.objects.select_related("record").get(pk=record_id)
    name = stored_name(closure)
    if not default_storage.exists(name):
        default_storage.save(name, ContentFile(draw(closure, shop)))


def draw(closure: Closure, shop: Shop) -> bytes:
    return drawing.draw(DRAWINGS / "closure.typ", _words(closure, shop), pdf_standards=["a-3b"])


def _words(closure: Closure, shop: Shop) -> dict[str, Any]:
    facts, record = closure.record.facts, closure.record
    totals, ever = facts["totals"], facts["perpetual"]
    turn = Closure.objects.filter(period=closure.period, pk__lte=closure.pk).count()
    sealed = timezone.localtime(record.at)
    return {
        "accent": shop.accent,
        "title": title_of(closure),
        "day": [record.on.year, record.on.month, record.on.day],
        "shop": shop.legal_name or shop.name,
        "siren": f"SIREN {spaced_siren(shop.siren)}" if shop.siren else "",
        "head": [
            f"Clôture {_KINDS[Period(closure.period)]} n° {nombre(turn)}",
            f"Maillon n° {nombre(record.number)}, scellé le {jour(sealed)} à {sealed:%H:%M}",
        ],
        "sales": [_sale(rate, *sums) for rate, sums in _by_rate(totals["bases"])],
        "pieces": [
            ["Factures", nombre(totals["invoices"]), show_euros(totals["invoiced_cents"])],
            ["Avoirs", nombre(totals["credits"]), show_euros(-totals["credited_cents"])],
        ],
        "total": show_euros(totals["total_cents"]),
        "payments": _payments(facts["starts"], facts["ends"]),
        "ever": [
            ["Facturé depuis toujours", show_euros(ever["invoiced_cents"])],
            ["Avoirs depuis toujours", show_euros(-ever["credited_cents"])],
            ["Total perpétuel", show_euros(ever["total_cents"])],
        ],
        "hash": record.hash,
        "previous": facts["previous"],
    }


def _by_rate(bases: dict[str, list[int]]) -> list[tuple[int, list[int]]]:
    return sorted(((int(rate), sums) for rate, sums in bases.items()), reverse=True)


def _sale(rate: int, net: int, vat: int) -> list[str]:
    return [show_rate(rate), *(show_euros(cents) for cents in (net, vat, net + vat))]


def _payments(starts: str, ends: str) -> list[list[str]]:
    """By means: what came, what was given back, what a slip was taken back by, what remains."""
    days = (date.fromisoformat(starts), date.fromisoformat(ends))
    found = _moved(Payment.objects.filter(record__on__range=days))
    return [
        [str(Method(one["method"]).label), *(show_euros(one[name]) for name in _MOVES)]
        for one in found
    ]


_MOVES = ("came", "given_back", "taken_back", "rest")


def _moved(payments: QuerySet[Payment]) -> Any:
    plain = Q(reverses=None)
    sums = {
        "came": plain & Q(amount_cents__gt=0),
        "given_back": plain & Q(amount_cents__lt=0),
        "taken_back": ~plain,
        "rest": Q(),
    }
    told = {name: Coalesce(Sum("amount_cents", filter=which), 0) for name, which in sums.items()}
    return payments.values("method").annotate(**told).order_by("method")
