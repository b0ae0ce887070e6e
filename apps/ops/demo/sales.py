"""Daily Drops with something to reserve: one going on, one sold out with a line, one over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from django.utils import timezone

from apps.campaigns import bookings, due_lots, lots
from apps.campaigns.links import lot_link
from apps.campaigns.lot_models import Booking, Lot
from apps.campaigns.models import Drop
from apps.catalog.models import Variant
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.messaging.models import Message
from apps.ops.demo.drops import Campaigns, Past
from apps.shops.services import shop_here


@dataclass(frozen=True, slots=True)
class Sale:
    """``asked`` units in all; more than the quantity make a line. ``fetched`` of ten bookings
    were handed over."""

    past: Past
    good: str
    label: str
    price: float
    quantity: int
    asked: int
    words: str
    last_day: int  # days after it left
    fetched: int = 0
    says_former: bool = False


class Sales:
    def __init__(self, seed: str, *, campaigns: Campaigns, author: int, now: datetime) -> None:
        self.random, self.now = Random(f"{seed}-sales"), now
        self.campaigns, self.team = campaigns, Actor("team", author)

    def write(self, sales: Sequence[Sale]) -> None:
        for sale in sales:
            drop = self.campaigns.done(sale.past)
            self._links(drop)
            self._book(sale, self._lot(sale, drop))

    def _lot(self, sale: Sale, drop: Drop) -> Lot:
        assert drop.launched_at
        shelf = Variant.objects.select_related("product")
        lot = Lot.objects.create(
            drop=drop,
            variant=shelf.get(product__name=sale.good, label=sale.label),
            words=sale.words,
            price_cents=round(sale.price * 100),
            says_former=sale.says_former,
            quantity=sale.quantity,
            until=timezone.localdate(drop.launched_at) + timedelta(days=sale.last_day),
        )
        lots.open_lot(drop, drop.launched_at)
        return lot

    def _links(self, drop: Drop) -> None:
        """Each message carries its reader's own link."""
        shop, written = shop_here(), list(self._written_to(drop))
        for message in written:
            link = lot_link(shop, drop.pk, message.contact.link_token)
            message.body = message.body.replace("{réserver}", link.removeprefix("https://"))
        Message.objects.bulk_update(written, ["body"], batch_size=1000)

    def _written_to(self, drop: Drop) -> Iterator[Message]:
        found = Message.objects.filter(cause=drop.cause).select_related("contact")
        return found.order_by("pk").iterator()

    def _book(self, sale: Sale, lot: Lot) -> None:
        people = [message.contact for message in self._written_to(lot.drop)]
        self.random.shuffle(people)
        asked = 0
        for at, person in zip(self._moments(lot), people, strict=False):
            if asked >= sale.asked:
                break
            asked += self._one(sale, lot, person, at, left=sale.quantity - asked)
        if lots.end_of(lot) <= self.now:
            due_lots.settle(lot.pk, lots.end_of(lot))

    def _one(self, sale: Sale, lot: Lot, person: Contact, at: datetime, left: int) -> int:
        """Who comes before it is sold out takes what there is; who comes after stands in line."""
        bookings.declare_adult(person, at)
        units = self.random.choice((1, 1, 2, 2, 3))
        units = min(units, left) if left > 0 else units
        booking = bookings.book(
            lot=lot,
            person=person,
            units=units,
            token=self._token(),
            by=Actor("customer", person.pk),
            now=at,
            wait=True,
        )
        if booking.state == Booking.State.HELD and self.random.randrange(10) < sale.fetched:
            later = min(at + timedelta(hours=self.random.choice((3, 20, 27))), self.now)
            gesture = {"gesture": self._token(), "id_checked": True}
            bookings.hand_over(booking, **gesture, by=self.team, now=later)  # type: ignore[arg-type]
        return units

    def _moments(self, lot: Lot) -> Iterator[datetime]:
        """Many in the first hour, fewer and fewer after; the last a minute ago."""
        assert lot.drop.launched_at
        end = min(self.now - timedelta(minutes=1), lots.end_of(lot) - timedelta(hours=30))
        span = (end - lot.drop.launched_at).total_seconds()
        chances = sorted(self.random.random() ** 3 for _ in range(60))
        for chance in (*chances[:-1], 1.0):
            yield lot.drop.launched_at + timedelta(seconds=span * chance)

    def _token(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)
