"""Purchases: what somebody bought, from the counter, a file or the till."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.catalog.facts import PurchaseRecorded
from apps.catalog.models import Purchase, PurchaseLine, PurchaseSource, Variant
from apps.catalog.services.sums import SPENDING
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.refusal import Refusal
from apps.core.rows import insert_rows, update_rows


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

    ``amount_cents`` is below zero for a return. ``PurchaseRecorded`` is announced. Raises
    ``WrongLines`` when the lines do not add up to it.
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
        _sum_up(purchase)
        announce(PurchaseRecorded(purchase_id=purchase.pk))
    return purchase, is_new


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


def _sum_up(*purchases: Purchase) -> None:
    SPENDING.keep({one.contact_id for one in purchases if one.contact_id is not None})


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
        _sum_up(purchase)
        record(by, "cancel_purchase", "purchase", purchase.pk)
    return bool(done)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A line of a file: a purchase, or one article of the one that ``ticket`` numbers.

    ``words.reference`` names the file and the line.
    """

    contact: Contact | None
    at: datetime
    words: LineWords
    ticket: str = ""

    @property
    def reference(self) -> str:
        """Of the purchase."""
        return f"ticket:{self.ticket}" if self.ticket else self.words.reference


class Receipts:
    """Purchases that a file tells of, many lines at once: ``take`` each, then ``write``.

    A line counts once: not when this file brought it before, nor when another one told of its
    ticket, or of as much for the same person at the same moment. Nothing is announced: what a
    file tells is days or years old, comes by the thousand, and the owner is promised that an
    import writes to nobody. Whoever asks what people bought reads the purchases.
    """

    def __init__(self, file: str, receipts: Collection[Receipt]) -> None:
        """``file`` begins the references of its lines. What is known of them is held locked."""
        self._file = f"{file}:"
        imported = Purchase.objects.filter(source=PurchaseSource.IMPORT)
        references = {receipt.reference for receipt in receipts}
        held = imported.select_for_update().filter(reference__in=references).order_by("pk")
        self._known = {purchase.reference: purchase for purchase in held}
        self._lines: defaultdict[str, set[str]] = defaultdict(set)
        lines = PurchaseLine.objects.filter(purchase__in=self._known.values())
        for reference, line in lines.values_list("purchase__reference", "reference"):
            self._lines[reference].add(line)
        elsewhere = imported.filter(at__in={receipt.at for receipt in receipts})
        elsewhere = elsewhere.exclude(reference__startswith=self._file)
        elsewhere = elsewhere.exclude(lines__reference__startswith=self._file)
        self._elsewhere = set(elsewhere.values_list("contact", "at", "amount_cents"))
        self._taken: list[tuple[Purchase, LineWords]] = []

    def take(self, receipt: Receipt) -> bool:
        """Whether the line is new."""
        purchase, lines = self._known.get(receipt.reference), self._lines[receipt.reference]
        cents = receipt.words.amount_cents
        if purchase is None:
            who = receipt.contact.pk if receipt.contact else None
            if not receipt.ticket and (who, receipt.at, cents) in self._elsewhere:
                return False
            purchase = Purchase(
                contact=receipt.contact,
                at=receipt.at,
                amount_cents=0,
                source=PurchaseSource.IMPORT,
                reference=receipt.reference,
            )
            self._known[receipt.reference] = purchase
        elif not receipt.ticket or receipt.words.reference in lines or self._is_told(lines):
            return False
        purchase.amount_cents += cents
        lines.add(receipt.words.reference)
        self._taken.append((purchase, receipt.words))
        return True

    def _is_told(self, lines: Collection[str]) -> bool:
        """Whether another file told of a ticket with these lines."""
        return not all(line.startswith(self._file) for line in lines)

    def write(self) -> None:
        """All that was taken. A constraint that refuses it raises: another import was faster."""
        touched = {purchase.reference: purchase for purchase, _words in self._taken}.values()
        known = [purchase for purchase in touched if purchase.pk]
        insert_rows([purchase for purchase in touched if not purchase.pk])
        update_rows(known, "amount_cents")
        insert_rows([_line(*taken) for taken in self._taken if _says_more(*taken)])
        _sum_up(*touched)


def _says_more(purchase: Purchase, words: LineWords) -> bool:
    """Whether the line names an article, or only gave the purchase its amount."""
    return bool(words.label) or purchase.reference != words.reference
