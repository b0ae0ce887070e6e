"""A drop about a product, as its owner made it and let it go."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from apps.campaigns import bookings, freezing, lots, services
from apps.campaigns.estimate import estimate
from apps.campaigns.lot_models import Lot
from apps.campaigns.models import Drop
from apps.catalog.models import MoveCause, Variant
from apps.catalog.services.products import ProductWords, VariantWords, save_product
from apps.catalog.services.stock import move_stock
from apps.core.actor import Actor
from apps.shops.services import shop_here
from tests.factories import ContactFactory, ProgrammeFactory

TEAM = Actor("team", 1)
FRIDAY = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LONG_AGO = FRIDAY - timedelta(days=200)
WORDS = {"use_email": False, "sms_text": "{prénom}, {quantité} {produit}, {prix} : {réserver}"}


def bottle(stock: int | None = 12, price: int = 1490, kind: str = "wine") -> Variant:
    """Of Morgon, on the shelf; ``None``: not counted."""
    words = ProductWords("Morgon", kind, [VariantWords(price, is_counted=stock is not None)])
    made = save_product(words, by=TEAM, now=LONG_AGO).variants.get()
    if stock:
        gesture = {"cause": MoveCause.RECEIPT, "token": uuid4(), "by": TEAM, "now": LONG_AGO}
        made = move_stock(variant=made, units=stock, **gesture)
    return made


def a_draft(variant: Variant, now: datetime = FRIDAY, *, text: dict = WORDS, **told) -> Drop:
    """About ``variant``; ``told`` is what its owner typed of the lot."""
    ProgrammeFactory()
    drop = services.create(TEAM, written=text, now=now)
    lot = lots.choose(drop.pk, variant, now)
    written = {name: getattr(lot, name) for name in lots.WRITTEN}
    lots.save(drop.pk, {**written, **told}, now)
    return Drop.objects.get(pk=drop.pk)


def launched(drop: Drop, now: datetime = FRIDAY) -> Lot:
    """Let go and in the outbox; who agreed by then was written to."""
    if not estimate(drop, shop_here(), now).people:
        ContactFactory(agreeing=True)
    told = estimate(drop, shop_here(), now)
    drop = services.launch(drop.pk, uuid4(), TEAM, told, now)
    freezing.freeze(drop.pk, str(drop.launch_token), now)
    return Lot.objects.select_related("drop", "variant__product").get(drop=drop)


def a_lot(quantity: int = 12, now: datetime = FRIDAY, **told) -> Lot:
    """Of so many bottles, all on the shelf, on sale since ``now``."""
    return launched(a_draft(bottle(quantity), now, quantity=quantity, **told), now)


def take(lot: Lot, person, units: int = 1, *, now: datetime = FRIDAY, **more):
    """``person`` reserves from their own page."""
    asked = {"token": uuid4(), "by": Actor("customer", person.pk), "now": now, **more}
    return bookings.book(lot=lot, person=person, units=units, **asked)
