"""What a drop offers to reserve: chosen and priced while it is a draft, open once it leaves.

Who reserves: ``bookings``. What the clock does of it: ``due_lots``.
"""

import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.campaigns.drafts import draft
from apps.campaigns.lot_models import Lot
from apps.campaigns.models import Drop
from apps.campaigns.writing import uses
from apps.catalog.models import Variant
from apps.catalog.services.photos import set_photo
from apps.catalog.services.products import begin_price, lowest_price
from apps.contacts.channels import named
from apps.core import due
from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.shops.models import Shop

DUE = "lots"  # this concern's name in the due-index
VARIABLES = ("produit", "quantité", "prix", "réserver")  # what words say of a lot
WRITTEN = ("words", "price_cents", "says_former", "quantity", "each", "until", "remind_at")
DATED = {"until", "remind_at"}
DAYS_TO_FETCH = timedelta(days=5)
REMINDED_AT = time(10)  # the day before the last one
_FORMER = re.compile(r"\bau\s+lieu\s+d(?:e\b|[’'])", re.IGNORECASE)


class NothingToReserve(Refusal):
    message = _("Le texte parle d’un produit à réserver : choisissez lequel.")
    status = 422


class NoWayToReserve(Refusal):
    message = _("Le texte à envoyer %(by)s ne porte pas le lien pour réserver : {réserver}.")
    status = 422


class FormerPriceTyped(Refusal):
    message = _(
        "« au lieu de » ne s’écrit pas à la main : c’est le prix le plus bas des trente derniers "
        "jours, que le catalogue connaît. Choisissez le produit et mettez {prix}."
    )
    status = 422


class SellsNoAlcohol(Refusal):
    message = _(
        "Ce produit est de l’alcool et vos réglages disent que la boutique n’en vend pas : "
        "corrigez-les d’abord, la mention sanitaire et l’âge en dépendent."
    )
    status = 422


class NotOnTheShelf(Refusal):
    message = _(
        "Le stock n’en a que %(left)s de libre : notez ce qui est arrivé, ou réduisez la quantité."
    )
    status = 422


class DayPassed(Refusal):
    message = _("Le dernier jour de retrait serait déjà passé. Choisissez-en un plus tardif.")
    status = 422


class FewerThanTaken(Refusal):
    message = _("%(taken)s sont déjà promis : la quantité ne peut pas être moindre.")


def lot_of(words: object) -> Lot | None:
    """What ``words`` offer to reserve, if anything; a trigger never does."""
    return getattr(words, "lot", None)


# --- while the drop is written --------------------------------------------------------------


@transaction.atomic
def choose(drop_id: int, variant: Variant, now: datetime) -> Lot:
    """The drop is about ``variant``; what was typed of another stays, its price and photo aside.

    Raises ``AlreadyLaunched``.
    """
    drop = draft(drop_id)
    lot = lot_of(drop) or Lot(drop=drop, until=timezone.localdate(now) + DAYS_TO_FETCH)
    if lot.variant_id != variant.pk:
        set_photo_of(lot)
        lot.variant, lot.price_cents = variant, variant.price_cents
        lot.quantity = max(1, min(variant.available or 24, 9999))
    _price(lot, now)
    lot.save()
    return lot


def set_photo_of(lot: Lot) -> None:
    """Without a photo of its own it shows the product's."""
    if lot.pk and lot.image:
        set_photo(of=lot, file=None, by=Actor("system"))
    lot.image = lot.drawing = ""


@transaction.atomic
def save(drop_id: int, written: Mapping[str, Any], now: datetime) -> Lot:
    """Keep what was typed (``WRITTEN``). Raises ``AlreadyLaunched``."""
    lot = Lot.objects.select_related("variant__product").get(drop=draft(drop_id))
    for name in WRITTEN:
        setattr(lot, name, written[name])
    _price(lot, now)
    lot.save()
    return lot


def copy(lot: Lot, to: Drop, now: datetime) -> None:
    """The same product, for another day."""
    made = choose(to.pk, lot.variant, now)
    for name in set(WRITTEN) - DATED:
        setattr(made, name, getattr(lot, name))
    _price(made, now)
    made.save()


@transaction.atomic
def remove(drop_id: int) -> None:
    """The drop is about no product any more. Raises ``AlreadyLaunched``."""
    lot = lot_of(draft(drop_id))
    if lot:
        set_photo_of(lot)
        lot.delete()


def lowest(lot: Lot, now: datetime) -> int | None:
    """The former price that may be named at ``now``: None unless this one is lower."""
    found = lowest_price(lot.variant, now)
    return found if found and found > lot.price_cents else None


def _price(lot: Lot, now: datetime) -> None:
    lot.former_cents = lowest(lot, now) if lot.says_former else None


def stands(drop: Drop, shop: Shop, now: datetime) -> None:
    """Raises what keeps the drop from being launched because of its product, or of its lack."""
    lot, channels = lot_of(drop), drop.channels
    if any(_FORMER.search(text) for text in (*drop.wordings, lot.words if lot else "")):
        raise FormerPriceTyped()
    if lot is None:
        if any(uses(text, name) for text in drop.wordings for name in VARIABLES):
            raise NothingToReserve()
        return
    if without := [c for c in channels if not uses(drop.written(c), "réserver")]:
        raise NoWayToReserve(by=" ni ".join(str(named(c).by) for c in without))
    if lot.variant.product.is_alcohol and not shop.sells_alcohol:
        raise SellsNoAlcohol()
    if lot.until < timezone.localdate(drop.send_at or now):
        raise DayPassed()
    left = lot.variant.available
    if left is not None and left < lot.quantity:
        raise NotOnTheShelf(left=left)


# --- once it leaves -------------------------------------------------------------------------


def open_lot(drop: Drop, now: datetime) -> None:
    """In the transaction in which the drop leaves: its price begins, and the clock runs.

    What « au lieu de » says is looked up once more: it is the price before this moment.
    """
    lot = lot_of(drop)
    if lot is None:
        return
    _price(lot, now)
    lot.save(update_fields=["former_cents"])
    if lot.price_cents < lot.variant.price_cents:
        begin_price(lot.variant, lot.price_cents, Actor("system"), now)
    note_due(lot)


def is_open(lot: Lot, now: datetime) -> bool:
    """Whether something of it may be promised."""
    over = lot.closed_at or lot.settled_at or timezone.localdate(now) > lot.until
    return bool(lot.drop.launched_at and not over)


def end_of(lot: Lot) -> datetime:
    """The midnight after its last day."""
    return timezone.make_aware(datetime.combine(lot.until + timedelta(days=1), time()))


def reminder_of(lot: Lot) -> datetime:
    """When those who have reserved are reminded: the day before the last one, unless it says."""
    eve = datetime.combine(lot.until - timedelta(days=1), REMINDED_AT)
    return lot.remind_at or timezone.make_aware(eve)


def next_moment(lot: Lot) -> datetime | None:
    """When the clock has something to do of it, answers in line aside."""
    if lot.settled_at or not lot.drop.launched_at:
        return None
    return end_of(lot) if lot.reminded_at else min(reminder_of(lot), end_of(lot))


def note_due(lot: Lot) -> None:
    if at := next_moment(lot):
        due.note(DUE, at)


def locked(lot_id: int) -> Lot:
    """The lot, for whoever changes what is taken of it: first this lock, then the stock's."""
    found = Lot.objects.select_for_update(of=("self",))
    return found.select_related("drop", "variant__product").get(pk=lot_id)


def change_quantity(lot: Lot, quantity: int, *, by: Actor) -> None:
    """Under its lock (``locked``). Raises ``FewerThanTaken``."""
    if quantity < lot.taken:
        raise FewerThanTaken(taken=lot.taken)
    before, lot.quantity = lot.quantity, quantity
    lot.save(update_fields=["quantity"])
    told = {"before": {"quantity": before}, "after": {"quantity": quantity}}
    record(by, "lot.quantity", "drop", lot.drop_id, **told)


@transaction.atomic
def close(lot_id: int, *, by: Actor, now: datetime) -> None:
    """Nothing more is promised; what is reserved stays. Undone by ``bookings.reopen``."""
    if Lot.objects.filter(pk=lot_id, closed_at=None).update(closed_at=now):
        record(by, "lot.close", "lot", lot_id)
