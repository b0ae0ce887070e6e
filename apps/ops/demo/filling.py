"""Fills the demonstration once: people who sign in, then each shop in one transaction."""

from collections.abc import Callable
from datetime import datetime, timedelta

from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction

from apps.accounts.models import Device, Membership, Pin, User
from apps.accounts.services import open_account
from apps.audience.criteria import Criteria, Group, One
from apps.audience.rules.buying import Colours, Spent
from apps.audience.rules.people import Reachable, Tags
from apps.audience.rules.visits import Rhythm, Seen, Unseen, Visits
from apps.audience.services import keep_segment
from apps.contacts.models import Contact
from apps.core import due
from apps.core.actor import SYSTEM, Actor
from apps.core.tenancy import in_schema
from apps.core.tokens import keyed_hash
from apps.loyalty import nights
from apps.loyalty.models import Programme
from apps.ops.demo import (
    brought,
    by_whatsapp,
    cellar,
    club,
    expenses,
    odd,
    online,
    ourselves,
    passes,
    plans,
    texts,
)
from apps.ops.demo.accounts import PASSWORD, PEOPLE, PIN, TOTP_SECRET, Person
from apps.ops.demo.answers import Answers
from apps.ops.demo.automatics import Automatics
from apps.ops.demo.bills import Bills
from apps.ops.demo.boxes import Boxes
from apps.ops.demo.drops import Campaigns
from apps.ops.demo.people import Crowd
from apps.ops.demo.purchases import Shelves
from apps.ops.demo.sales import Sales
from apps.ops.demo.shops import SHOPS, DemoShop
from apps.ops.demo.visits import Ledgers
from apps.payments.tasks import reconcile
from apps.shops import vault
from apps.shops.models import Shop
from apps.shops.services import provision

Say = Callable[[str], object]


def fill(say: Say, now: datetime) -> None:
    """What is not there yet; a shop that knows somebody is left as its visitors made it."""
    users = {person.email: _user(person) for person in PEOPLE}
    passes.sign_here(now)
    ourselves.write([users[person.email] for person in PEOPLE if person.is_staff])
    paid = False
    for demo in SHOPS:
        shop = Shop.objects.filter(slug=demo.slug).first()
        shop = shop or provision(slug=demo.slug, **demo.fields)  # type: ignore[arg-type]
        with in_schema(shop.schema_name), transaction.atomic():
            _team(demo, shop, users, now)
            if not Contact.objects.exists():
                say(f"{shop.name} : {demo.people} clients")
                _plan_without_statistics()
                _fill_shop(demo, shop, now)
        if not plans.is_written(shop):
            with in_schema(shop.schema_name):
                plans.write(demo, shop, now)
        with in_schema(shop.schema_name):
            if not club.is_written():
                club.write(shop, now)
                online.write(shop, now)
                Boxes(demo.slug, author=_owner(shop), now=now).write()
                paid = True
    if paid:
        _two_nights_pass()


def _two_nights_pass() -> None:
    """Stripe told all of it while nobody listened: the first night's comparison asks for what it
    misses, the second finds nothing missing."""
    reconcile()
    reconcile()


def _owner(shop: Shop) -> int:
    return Membership.objects.filter(shop=shop).earliest("pk").user_id


def _plan_without_statistics() -> None:
    """For this transaction: no loop in a loop.

    Until somebody analyzes the tables, the planner takes what was just written for one row and
    joins every message with every visit.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")


def _user(person: Person) -> User:
    found = User.objects.filter(email=person.email).first()
    if found is not None:
        return found
    with transaction.atomic():
        made = open_account(person.email, PASSWORD, name=person.name, is_staff=person.is_staff)
        if person.is_staff:
            TOTP.activate(made, TOTP_SECRET)
    return made


def _team(demo: DemoShop, shop: Shop, users: dict[str, User], now: datetime) -> None:
    for person in PEOPLE:
        if role := person.roles.get(demo.slug):
            user = users[person.email]
            Membership.objects.get_or_create(shop=shop, user=user, defaults={"role": role})
            if not Pin.objects.filter(shop=shop, user=user).exists():
                Pin.objects.create(shop=shop, user=user, hash=make_password(PIN))
    Device.objects.get_or_create(
        shop=shop,
        number=1,
        defaults={
            "name": "Téléphone du comptoir",
            "paired_at": now - timedelta(days=90),
            "seen_at": now - timedelta(minutes=12),
        },
    )


def _segments(demo: DemoShop, author: int) -> None:
    first, second, *_others = demo.tags
    fans = Group((One(Tags("any", (first, second))), One(Visits(3, None))))
    unreachable = Group((One(Reachable("any")),), refused=True)
    chosen = {
        "Habitués absents": Criteria.of(Unseen(45), Seen(180), Visits(3, None)),
        "En retard sur leur rythme": Criteria.of(Rhythm("2"), Seen(365)),
        f"Amateurs : {first} ou {second}": Criteria((fans, Group((One(Reachable("any")),)))),
        "À qui demander leur accord": Criteria((unreachable, Group((One(Seen(60)),)))),
        "Meilleurs clients": Criteria.of(Spent(500, None, "365")),
    }
    if any(good.facts.get("colour") == "rouge" for good in demo.goods):
        chosen["N’achètent que du rouge"] = Criteria.of(Colours("only", ("rouge",)))
    for name, criteria in chosen.items():
        keep_segment(name, criteria, Actor("team", author))


def _fill_shop(demo: DemoShop, shop: Shop, now: datetime) -> None:
    team = list(Membership.objects.filter(shop=shop).order_by("pk").values_list("user_id", "role"))
    programme = _programme(demo, now)
    crowd = Crowd(
        demo.slug,
        near=demo.near,
        tags=demo.tags,
        adults=demo.sells_alcohol,
        hours=demo.hours,
        now=now,
        whatsapp=shop.whatsapp_on,
    )
    people = crowd.make(demo.people, demo.days)
    crowd.tag(people)
    ledgers = Ledgers(
        demo.slug,
        programme=programme,
        helpers=[user for user, _ in team],
        hours=demo.hours,
        basket_cents=demo.basket_cents,
        now=now,
    )
    lived = ledgers.live(people)
    moved = odd.bend(lived, demo.hours, [user for user, _ in team], now)
    ledgers.write(lived)
    odd.look(moved, owner=team[0][0])
    due.note(nights.DUE, now)
    crowd.prove(people)
    if programme.referral:
        brought.write(lived, now)
    shelves = Shelves(demo.slug, author=team[0][0], now=now)
    shelves.fill(demo.goods, since=now - timedelta(days=demo.days))
    shelves.sell(demo.goods)
    _segments(demo, author=team[0][0])
    campaigns = Campaigns(demo.slug, shop=shop, author=team[0][0], now=now)
    campaigns.write(demo.drops, demo.draft)
    Sales(demo.slug, campaigns=campaigns, author=team[0][0], now=now).write(demo.sales)
    Automatics(demo.slug, shop=shop, author=team[0][0], now=now).write(demo.automatics)
    Answers(demo.slug, now=now).write()
    if shop.whatsapp_on:
        by_whatsapp.write(author=team[0][0], now=now)
    expenses.write(shop, now)
    passes.put_away(shop, now)
    Bills(demo.slug, shop=shop, author=team[0][0], now=now).write(demo.terms)
    if demo.terms:
        texts.publish_all(shop, owner=team[0][0], now=now)
    cellar.write(author=team[0][0], helper=team[-1][0], now=now)
    _agreed(demo, shop, team[0][0], now)


def _agreed(demo: DemoShop, shop: Shop, author: int, now: datetime) -> None:
    """What some shops have and others not."""
    if demo.sells_alcohol:
        club.write_plans(author, now)
    if demo.own_number:
        _own_account(demo, shop, now)


def _programme(demo: DemoShop, now: datetime) -> Programme:
    rule = {
        "goal": demo.goal,
        "reward": demo.reward,
        "reward_is_alcohol": demo.sells_alcohol,
        "started_at": now - timedelta(days=demo.days),
        **demo.rule,
    }
    return Programme.objects.update_or_create(only=True, defaults=rule)[0]


def _own_account(demo: DemoShop, shop: Shop, now: datetime) -> None:
    sid = f"AC{keyed_hash('demo account', demo.slug)[:32]}"
    token = keyed_hash("demo token", demo.slug)[:32].encode()
    vault.keep(shop=shop, name=f"twilio:{sid}", secret=token, by=SYSTEM)
    Shop.objects.filter(pk=shop.pk).update(
        sms_account=sid,
        sms_account_sender=demo.own_number,
        sms_account_price_tenths=65,
        sms_account_since=now - timedelta(days=30),
    )
