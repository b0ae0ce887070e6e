"""The club of the demonstration: plans, and a season of people who joined, gave, fell behind, left.

The plans stand anyway. Members are made as everywhere, at Stripe's page, where somebody plays
Stripe on this machine; their invoices and letters are the worker's, once it runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import requests
from django.conf import settings
from django.utils import timezone

from apps.club.member_models import Leaving
from apps.club.models import ClubPlan, Every, Handover, Member, State
from apps.club.services import following, giving, keeping, leaving, repricing, waiting
from apps.club.services.joining import Gift, Wish, order
from apps.club.services.planning import PlanWords, save_plan
from apps.contacts.models import Contact
from apps.core.actor import SYSTEM, Actor
from apps.legal.models import Kind as Text
from apps.legal.queries import in_force
from apps.payments import connecting, selling
from apps.payments.models import ShopAccount
from apps.shops.models import Shop

GOOD, SEPA = "4242 4242 4242 4242", "FR14 2004 1010 0505 0001 3M02 606"
POOR = "4000 0000 0000 9995"
_PLANS = (
    PlanWords(
        name="La Découverte",
        price_cents=3400,
        bottles=2,
        words="Deux vignerons par mois, un rouge et un blanc, avec leur histoire sur une fiche.",
        colours=("rouge", "blanc"),
        ship_cents=900,
    ),
    PlanWords(
        name="La Cave du caviste",
        price_cents=7900,
        bottles=4,
        words="Quatre bouteilles à garder ou à ouvrir, que vous choisissez parmi les nôtres.",
        colours=("rouge", "blanc", "moelleux"),
        chosen_by="customer",
        ship_cents=0,
        places=12,
    ),
    PlanWords(
        name="Grands crus de Bourgogne",
        price_cents=24000,
        bottles=3,
        every=Every.QUARTER,
        words="Trois crus par trimestre, réservés pour vous chez les domaines.",
        colours=("rouge",),
        places=3,
        term_months=12,
    ),
)


@dataclass(frozen=True, slots=True)
class Joiner:
    """Who joined ``days`` ago: which plan, paying by what, brought home or fetched; ``then`` is
    what became of it."""

    days: float
    plan: int
    number: str = GOOD
    brought: bool = False
    then: str = ""


_SEASON = (
    Joiner(74, 0),
    Joiner(73, 0, brought=True),
    Joiner(71, 1, SEPA),
    Joiner(70, 2, SEPA),
    Joiner(68, 0, then="poor"),  # given up by now
    Joiner(61, 1, brought=True),
    Joiner(55, 2),
    Joiner(52, 0, SEPA),
    Joiner(45, 1, then="left"),
    Joiner(41, 0, brought=True),
    Joiner(38, 0, then="gift opened"),
    Joiner(34, 0, then="rests"),
    Joiner(31, 1, then="poor"),  # late
    Joiner(30.5, 0, then="poor"),  # late
    Joiner(24, 1),
    Joiner(17, 2),
    Joiner(12, 0, brought=True),
    Joiner(6, 0, then="gift"),
    Joiner(3, 1, SEPA),  # the debit is on its way
    Joiner(1, 0),
    Joiner(0, 0, then="unpaid"),
)
_NOTICE = 24  # days since the one who left gave notice, in their first period
_STREETS = ("4 rue Monge", "12 place Carnot", "27 rue des Tonneliers", "3 avenue de la Gare")


def write_plans(author: int, now: datetime) -> None:
    """What the shop offers."""
    by = Actor("team", author)
    for words in _PLANS:
        save_plan(words, by=by, now=now - timedelta(days=80))


def is_written() -> bool:
    return Member.objects.exists() or not ClubPlan.objects.exists()


def write(shop: Shop, now: datetime) -> None:
    """Nothing where nobody plays Stripe here. Standing in the shop's schema."""
    if "127.0.0.1" not in settings.STRIPE_API_URL:
        return
    account = _account(shop)
    plans = list(ClubPlan.objects.order_by("pk"))
    people = iter(_people())
    _clock("back", _SEASON[0].days)
    at, became = _SEASON[0].days, dict[str, Member]()
    for number, (joiner, person) in enumerate(zip(_SEASON, people, strict=False)):
        _clock("advance", at - joiner.days)
        at, then = joiner.days, now - timedelta(days=joiner.days)
        page = _ordered(shop, plans[joiner.plan], joiner, _wish(person, number, joiner), then)
        became[joiner.then] = Member.objects.latest("pk")
        if joiner.then != "unpaid":
            _pay(page, joiner)
            _follow(account, became[joiner.then], then)
        if joiner.days == _NOTICE:
            word = _cancel(became["left"], then)
            leaving.carry_out(word.pk, then)
    _clock("advance", at)
    for member in Member.objects.exclude(customer_id="").order_by("pk"):
        _follow(account, member, now)
    resting = became["rests"]
    resting.refresh_from_db()
    keeping.rest(resting, 2, now=now)
    _open_gifts(shop, people, now)
    for person, _wait in zip(people, range(3), strict=False):
        waiting.wait(plans[2], person, now)
    _leave_and_ask(plans[0], now)


def _leave_and_ask(plan: ClubPlan, now: datetime) -> None:
    """One has given notice, and the others are asked about a new price."""
    paying = Member.objects.filter(plan=plan, state=State.ACTIVE, gift_periods=None)
    one = paying.select_related("contact").order_by("pk").first()
    if one is not None:
        _cancel(one, now)
    on = timezone.localdate(now) + timedelta(days=45)
    cents = plan.price_cents + 200
    repricing.announce_price(plan, price_cents=cents, applies_on=on, by=SYSTEM, now=now)


def _cancel(one: Member, now: datetime) -> Leaving:
    name, email = one.contact.full_name, one.contact.email
    return leaving.cancel(one, key=uuid4(), name=name, email=email, wanted_on=None, now=now)


def _follow(account: ShopAccount, member: Member, now: datetime) -> None:
    selling.refresh(account, member.customer_id)
    following.follow(member.customer_id, now)


def _account(shop: Shop) -> ShopAccount:
    page = connecting.open_account(shop=shop, by=SYSTEM)
    requests.post(page, data={"act": "all"}, timeout=10, allow_redirects=False).raise_for_status()
    account = ShopAccount.objects.get(shop=shop)
    connecting.refresh(account)
    account.refresh_from_db()
    return account


def _people() -> Iterator[Contact]:
    """Grown-up customers with a mailbox, those who come most first."""
    known = Contact.objects.living().exclude(email="").exclude(first_name="")
    return known.filter(adult_declared_at__isnull=False).order_by("-visits", "pk").iterator()


def _clock(act: str, days: float) -> None:
    if days:
        asked = {"seconds": int(days * 86_400)}
        where = f"{settings.STRIPE_API_URL}/tests/{act}"
        requests.post(where, data=asked, timeout=30).raise_for_status()


def _ordered(shop: Shop, plan: ClubPlan, joiner: Joiner, wish: Wish, then: datetime) -> str:
    return order(wish, plan, shop=shop, client_address=f"season:{joiner.days}", now=then)


def _pay(page: str, joiner: Joiner) -> None:
    paid = {"number": joiner.number}
    requests.post(page, data=paid, timeout=10, allow_redirects=False).raise_for_status()
    if joiner.then == "poor":
        customer = Member.objects.latest("pk").customer_id
        where = f"{settings.STRIPE_API_URL}/tests/means"
        asked = {"customer": customer, "number": POOR}
        requests.post(where, data=asked, timeout=10).raise_for_status()


def _wish(person: Contact, number: int, joiner: Joiner | None = None) -> Wish:
    brought = joiner is not None and joiner.brought
    is_gift = joiner is not None and joiner.then.startswith("gift")
    gift = Gift(3, "Lucie", "Pour tes trente ans !") if is_gift else None
    return Wish(
        key=uuid4(),
        first_name=person.first_name,
        last_name=person.last_name,
        email=person.email,
        street=_STREETS[number % len(_STREETS)],
        postal_code="21200",
        city="Beaune",
        adult=True,
        terms=shown.number if (shown := in_force(Text.SALES)) else None,
        handover=Handover.SHIPPING if brought else Handover.PICKUP,
        gift=gift,
    )


def _open_gifts(shop: Shop, people: Iterator[Contact], now: datetime) -> None:
    given = Member.objects.filter(state=State.GIVEN).order_by("pk").first()
    person = next(people, None)
    if given and person:
        opened = now - timedelta(days=32)
        giving.open_gift(given, _wish(person, 7), shop=shop, now=opened)
