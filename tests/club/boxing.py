"""A club with a cellar: members whose period is paid, and a round of boxes for them."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from apps.catalog.models import MoveCause, Variant
from apps.catalog.services.products import ProductWords, VariantWords, save_product
from apps.catalog.services.stock import move_stock
from apps.club import rounds
from apps.club.box_models import Box, Round
from apps.club.models import ClubPlan, Member, Period, PeriodState, State
from apps.club.rounds import OfferWords
from apps.core.actor import Actor
from tests.factories import ContactFactory

TEAM = Actor("team", 1)
# The month begins; one chooses up to the tenth.
NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)
LATER = datetime(2026, 11, 12, 10, tzinfo=UTC)
MONTH = date(2026, 11, 1)
CHOOSE, READY = date(2026, 11, 10), date(2026, 11, 14)


def bottle(name="Morgon", colour="rouge", price=1490, stock=100) -> Variant:
    words = ProductWords(name, "wine", [VariantWords(price)], facts={"colour": colour})
    made = save_product(words, by=TEAM, now=NOW - timedelta(days=99)).variants.get()
    gesture = {"cause": MoveCause.RECEIPT, "token": uuid4(), "by": TEAM, "now": NOW}
    return move_stock(variant=made, units=stock, **gesture) if stock else made


def a_plan(**more) -> ClubPlan:
    told = {"name": "Découverte", "price_cents": 3900, "bottles": 3, **more}
    return ClubPlan.objects.create(**told)


def a_member(plan=None, *, starts=MONTH, paid=True, state=State.ACTIVE, **more) -> Member:
    """Of ``plan``, with a period that began on ``starts``."""
    plan = plan or ClubPlan.objects.first() or a_plan()
    more.setdefault("contact", None)
    more["contact"] = more["contact"] or ContactFactory(adult_declared_at=NOW)
    told = {"price_cents": plan.price_cents, "key": uuid4(), "state": state, "began_at": NOW}
    ended = {"ended_at": NOW} if state == State.ENDED else {}
    member = Member.objects.create(plan=plan, **told, **ended, **more)
    a_period(member, starts=starts, paid=paid)
    return member


def a_period(member, *, starts=MONTH, paid=True) -> Period:
    money = {"state": PeriodState.PAID, "paid_at": NOW} if paid else {}
    return Period.objects.create(
        member=member,
        paid_as=f"in_{uuid4().hex}",
        starts=starts,
        ends=starts + timedelta(days=30),
        amount_cents=member.price_cents,
        **money,
    )


def shipped(**more) -> dict:
    address = {"street": "4 rue des Lices", "postal_code": "21200", "city": "Beaune"}
    return {"handover": "shipping", **address, **more}


def offer(one: Round, *bottles, plan=None) -> None:
    """Each bottle alone, or with how many of it go into the shop's own box."""
    pairs = [one if isinstance(one, tuple) else (one, 0) for one in bottles]
    words = [OfferWords(bottle.pk, usual) for bottle, usual in pairs]
    plan = plan or ClubPlan.objects.first() or a_plan()
    rounds.select(one.pk, plan, words, words="", by=TEAM)


def a_round(*bottles, month=MONTH, now=NOW, plan=None) -> Round:
    """Opened, with what the shop offers, and its boxes made."""
    one = rounds.open_round(month, choose_until=CHOOSE, ready_on=READY, by=TEAM, now=now)
    if bottles:
        offer(one, *bottles, plan=plan)
    assert rounds.make(one.pk, now)
    return one


def content(box: Box) -> dict[str, int]:
    lines = box.lines.select_related("variant__product")
    return {line.variant.product.name: line.units for line in lines}


def box_of(member: Member) -> Box:
    return Box.objects.standing().get(member=member)
