"""Purchases: what somebody bought, from the counter, a file or the till."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.catalog.facts import PurchaseRecorded
from apps.catalog.models import Purchase, PurchaseLine, PurchaseSource, Variant
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.refusal import Refusal


class WrongLines(Refusal):
    message = _("Les lignes de cet achat ne font pas son total.")
    status = 422


@dataclass(frozen=True, slots=True)
class LineWords:
    """One article bought; the facets of a known ``variant`` are taken from its product."""

    label: str
    amount_cents: int
    units: int = 1
    variant: Variant | None = None
    region: str = ""
    colour: str = ""
    brand: str = ""
    reference: str = ""


@transaction.atomic
def record_purchase(
    *,
    contact: Contact | None,
    amount_cents: int,
    at: datetime,
    source: PurchaseSource,
    reference: str,
    lines: Sequence[LineWords] = (),
) -> tuple[Purchase, bool]:
    """The purchase, and whether it is new: ``(source, reference)`` again is the same one.

    ``amount_cents`` is below zero for a return. ``PurchaseRecorded`` is announced of the counter
    and of a till, never of an import: what a file tells is days or years old, comes by the
    thousand, and the owner is promised that an import writes to nobody. Whoever asks what people
    bought reads the purchases, whatever their source. Raises ``WrongLines`` when the lines do
    not add up to it.
    """
    if lines and sum(line.amount_cents for line in lines) != amount_cents:
        raise WrongLines()
    purchase, is_new = Purchase.objects.get_or_create(
        source=source,
        reference=reference,
        defaults={"contact": contact, "amount_cents": amount_cents, "at": at},
    )
    if is_new:
        PurchaseLine.objects.bulk_create(_line(purchase, words) for words in lines)
        if source != PurchaseSource.IMPORT:
            announce(PurchaseRecorded(purchase_id=purchase.pk))
    return purchase, is_new


@transaction.atomic
def add_line(*, purchase: Purchase, words: LineWords) -> bool:
    """One more article of a ticket that comes line by line; its amount is added.

    False for a line whose ``reference`` the ticket already has.
    """
    held = Purchase.objects.select_for_update().get(pk=purchase.pk)
    if held.lines.filter(reference=words.reference).exists():
        return False
    line = _line(held, words)
    line.save()
    held.amount_cents += line.amount_cents
    held.save(update_fields=["amount_cents"])
    return True


def at_counter(contact: Contact, amount_cents: int, *, token: UUID, now: datetime) -> Purchase:
    """The amount typed with a gesture at the counter; ``token`` is the gesture's."""
    purchase, _is_new = record_purchase(
        contact=contact,
        amount_cents=amount_cents,
        at=now,
        source=PurchaseSource.COUNTER,
        reference=str(token),
    )
    return purchase


def cancel_at_counter(token: UUID, *, by: Actor, now: datetime) -> None:
    """The gesture was taken back: what it brought in counts nowhere."""
    found = Purchase.objects.filter(source=PurchaseSource.COUNTER, reference=str(token)).first()
    if found is not None:
        cancel_purchase(purchase=found, by=by, now=now)


def _line(purchase: Purchase, words: LineWords) -> PurchaseLine:
    known = words.variant.product if words.variant else words
    return PurchaseLine(
        purchase=purchase,
        variant=words.variant,
        reference=words.reference,
        label=words.label,
        units=words.units,
        amount_cents=words.amount_cents,
        region=known.region,
        colour=known.colour,
        brand=known.brand,
    )


@transaction.atomic
def cancel_purchase(*, purchase: Purchase, by: Actor, now: datetime) -> bool:
    """It did not happen (a slip): kept, and counted nowhere. False the second time."""
    done = Purchase.objects.filter(pk=purchase.pk, cancelled_at=None).update(cancelled_at=now)
    if done:
        record(by, "cancel_purchase", "purchase", purchase.pk)
    return bool(done)
