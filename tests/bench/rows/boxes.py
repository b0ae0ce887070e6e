"""The boxes of 5,000 members made and filled by a worker, their bottles held on the shelves, beside
as many plain rows (a box, its lines, their reservations) written by one bare INSERT each."""

import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import F, Sum
from django.utils import timezone

from apps.catalog.models import MoveCause, Variant
from apps.catalog.services.products import ProductWords, VariantWords, save_product
from apps.catalog.services.stock import move_stock
from apps.club import rounds
from apps.club.box_models import Box, BoxLine
from apps.club.models import ClubPlan, Member, Period, PeriodState, State
from apps.club.rounds import OfferWords
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.tenancy import in_schema
from apps.core.tokens import readable_code
from apps.shops.services import provision
from tests.bench.ground import Ground
from tests.bench.report import Row

MEMBERS, SECONDS, BOTTLES = 5_000, 20, 6
OWNER = Actor("team", 1)
_PLAIN = "INSERT INTO bench_rows (n, body) VALUES (%s, repeat('x', 90))"


def measure(ground: Ground) -> Iterator[Row]:
    shop = provision(name="Cave aux box", slug=f"box-{readable_code(6).lower()}", trade="wine")
    with in_schema(shop.schema_name), timezone.override(shop.zone):
        now = timezone.now()
        one = _opened(now)
        began = time.monotonic()
        while not rounds.make(one, now):
            continue
        made = time.monotonic() - began
        began = time.monotonic()
        after = 0
        while after := rounds.fill(one, after, now):
            continue
        again = time.monotonic() - began
        plain = _plainly(ground, shop.schema_name)
        boxes, lines = Box.objects.count(), BoxLine.objects.aggregate(sum=Sum("units"))["sum"]
        sold_twice = Variant.objects.filter(held__gt=F("on_hand")).exists()
    whole = boxes == MEMBERS and lines == MEMBERS * BOTTLES and not sold_twice
    value = f"{made:.1f} s, {made / plain:.2f} × as many plain INSERTs"
    mark = f"≤ {SECONDS} s"
    yield Row(f"boxes of {MEMBERS:,} members", mark, value, whole and made <= SECONDS)
    value = f"{again:.1f} s, {again / plain:.2f} ×"
    yield Row("the same, after the selection changed", mark, value, again <= SECONDS)


def _opened(now) -> int:  # type: ignore[no-untyped-def]
    """Six of twelve bottles go into each box, of which the shelves have enough."""
    plan = ClubPlan.objects.create(name="Six", price_cents=6900, bottles=BOTTLES)
    people = Contact.objects.bulk_create(
        [Contact(first_name="Camille", last_name=f"Martin{n}") for n in range(MEMBERS)]
    )
    told = {"plan": plan, "price_cents": 6900, "state": State.ACTIVE, "began_at": now}
    members = Member.objects.bulk_create(
        [Member(contact=person, key=uuid4(), **told) for person in people]
    )
    today = timezone.localdate(now)
    days = {"starts": today.replace(day=1), "ends": today + timedelta(days=40)}
    paid = {"state": PeriodState.PAID, "paid_at": now, "amount_cents": 6900, **days}
    Period.objects.bulk_create(
        [Period(member=member, paid_as=f"in_{member.pk}", **paid) for member in members]
    )
    days = {"choose_until": today, "ready_on": today}
    one = rounds.open_round(today, **days, by=OWNER, now=now)
    offers = [OfferWords(_bottle(n, now).pk, int(n < BOTTLES)) for n in range(12)]
    rounds.select(one.pk, plan, offers, words="", by=OWNER)
    return one.pk


def _bottle(number: int, now) -> Variant:  # type: ignore[no-untyped-def]
    words = ProductWords(f"Cuvée {number}", "wine", [VariantWords(1490)])
    made = save_product(words, by=OWNER, now=now).variants.get()
    gesture = {"cause": MoveCause.RECEIPT, "token": uuid4(), "by": OWNER, "now": now}
    return move_stock(variant=made, units=MEMBERS, **gesture)


def _plainly(ground: Ground, schema: str) -> float:
    """Seconds for a row each: the box, its lines, their reservations."""
    with ground.admin() as admin:
        admin.execute(
            f"CREATE TABLE {schema}.bench_rows (n int, body text); "
            f"GRANT INSERT ON {schema}.bench_rows TO PUBLIC"
        )
    began = time.monotonic()
    with connection.cursor() as cursor:
        for member in range(MEMBERS):
            with transaction.atomic():
                for row in range(1 + 2 * BOTTLES):
                    cursor.execute(_PLAIN, [member * 100 + row])
    return time.monotonic() - began
