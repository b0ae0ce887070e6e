"""Two phones before one code, six thumbs on one name, and a phone taken away in mid-gesture."""

import os
from collections.abc import Iterator
from threading import Event
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from psycopg import sql

from apps.accounts import devices, pins
from apps.accounts.models import Device, Membership, Pin, Session, User
from apps.core.roles import Role
from apps.core.tenancy import in_schema
from tests.accounts.phones import DIGITS, Phone, offered, pin_of
from tests.at_once import at_once

pytestmark = pytest.mark.django_db
OWN_TABLES = (
    *("accounts_device", "accounts_pin", "accounts_membership", "accounts_session"),
    *("django_q_ormq", "core_ratecounter"),
)


@pytest.fixture
def there(shop) -> Iterator[Any]:
    """``there(work, *each)``: in the shop, each on a connection of its own, all at once."""
    connection.set_schema_to_public()

    def run(work: Any, *each: Any) -> list[Any]:
        def inside(one: Any) -> Any:
            with in_schema(shop.schema_name):
                return work(one)

        return at_once(inside, *each)

    yield run
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        for table in OWN_TABLES:
            owner.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        owner.execute("DELETE FROM accounts_user WHERE email LIKE 'double%'")


@pytest.fixture
def code(there, shop) -> str:
    """Of a phone that waits; the owner and a helper with a PIN are in the team."""

    def begin(_: Any) -> str:
        people = [User.objects.create_user(f"double{n}@exemple.fr") for n in range(2)]
        for user, role in zip(people, (Role.OWNER, Role.HELPER), strict=True):
            Membership.objects.create(shop=shop, user=user, role=role)
        pin_of(people[1])
        return offered(people[0]).code

    return there(begin, None)[0]


def test_two_phones_scan_the_same_code_and_one_is_paired(there, shop, code):
    answers = there(lambda phone: phone.pair(code).status_code, *(Phone(shop) for _ in range(4)))
    assert sorted(answers) == [302, 410, 410, 410]


def test_six_wrong_pins_at_once_lock_at_five(there, shop, code):
    phone = Phone(shop)
    there(phone.pair, code)

    def guess(digits: str) -> int:
        thumb = Phone(shop)
        thumb.cookies = phone.cookies
        return thumb.type(Pin.objects.get(), digits).status_code

    answers = there(guess, *(f"907{n}" for n in range(6)))
    assert sorted(answers) == [403, 403, 403, 403, 423, 423]
    (kept,) = there(lambda _: Pin.objects.values_list("wrong", flat=True).get(), None)
    assert kept == 5
    assert there(guess, DIGITS) == [423]


def test_a_phone_taken_away_in_mid_gesture_ends_it_and_lets_nothing_follow(there, shop, code):
    """Somebody has typed the right digits; before they are let in, a lead takes the phone away."""
    phone = Phone(shop)
    there(phone.pair, code)
    compared, taken = Event(), Event()
    true_begin = devices.begin_session

    def begin_late(*given: Any, **more: Any) -> None:
        compared.set()
        assert taken.wait(60)
        true_begin(*given, **more)

    def take_away(_: Any) -> None:
        assert compared.wait(60)
        owner = Membership.objects.get(role=Role.OWNER)
        devices.revoke(by=owner, number=1, now=timezone.now())
        taken.set()

    def walk(_: Any) -> list[int]:
        typed = phone.type(Pin.objects.get()).status_code
        return [typed, phone.get("/comptoir/", follow=True).status_code]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(devices, "begin_session", begin_late)
        (typed, _), _none = there(lambda work: work(None), walk, take_away)
    assert typed == 410
    assert there(lambda _: Session.objects.filter(device=1).count(), None) == [0]


def test_whoever_is_at_it_is_out_whatever_they_are_doing(there, shop, code):
    """Their request began before; its answer may come, no further one does."""
    phone = Phone(shop)
    there(phone.pair, code)
    there(lambda _: phone.type(Pin.objects.get()), None)

    def work(_: Any) -> list[str]:
        seen = []
        for _turn in range(60):
            answer = phone.get("/comptoir/")
            seen.append(str(answer.status_code))
            if answer.status_code != 200:
                break
        return seen

    def take_away(_: Any) -> None:
        owner = Membership.objects.get(role=Role.OWNER)
        devices.revoke(by=owner, number=1, now=timezone.now())

    seen, _none = there(lambda one: one(None), work, take_away)
    assert seen[-1] in {"302", "400"}, "out within one request of it"
    assert there(lambda _: phone.get("/comptoir/").status_code, None) == [302]


def test_two_leads_offer_at_once_and_each_phone_has_its_own_number(there, code):
    def offer(_: Any) -> int:
        return offered(User.objects.get(email="double0@exemple.fr")).number

    assert sorted(there(offer, *range(4))) == [2, 3, 4, 5]


def test_a_lock_is_told_once_in_the_trail(there, shop, code):
    there(Phone(shop).pair, code)

    def wrong(_: Any) -> Any:
        return pins.enter(
            pin=Pin.objects.get(), digits="9071", device=Device.objects.get(), now=timezone.now()
        )

    there(wrong, *range(8))
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        jobs = owner.execute("SELECT count(*) FROM django_q_ormq").fetchone()[0]
    # choosing, pairing, and one lock
    assert jobs == 3
