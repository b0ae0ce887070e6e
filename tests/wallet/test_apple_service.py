"""Apple's web service: register, unregister, what changed since, the pass, the log."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from apps.loyalty import pocket
from apps.loyalty.proving import renew_link
from apps.wallet import services
from apps.wallet.faces import Face, words
from apps.wallet.models import Device, Pass, Registration
from tests.conftest import ShopClient
from tests.factories import CardFactory, ProgrammeFactory
from tests.wallet.conftest import Phone, held_pass, stamp
from tests.wallet.reader import read_pass

pytestmark = pytest.mark.django_db
OTHER = {"library": "f" * 32, "token": "ab" * 32}


def refresh(card, shop, now=None):
    card.refresh_from_db()
    return pocket.refresh(card.pk, shop, now or timezone.now())


# --- register and unregister ----------------------------------------------------------------


def test_a_phone_registers_once_and_again_with_a_new_push_token(held, phone):
    assert phone.register(held) == 201
    assert phone.register(held) == 200
    phone.token = "cd" * 32
    assert phone.register(held) == 200
    assert Device.objects.get().push_token == "cd" * 32
    assert Registration.objects.count() == 1


def test_a_phone_without_the_passs_secret_is_nobody(held, phone):
    for said in ("", "ApplePass x", f"Bearer {held.secret}", "ApplePass "):
        assert phone.register(held, Authorization=said) == 401
    assert not Device.objects.exists()
    held.secret = "x" * 22
    assert phone.unregister(held) == 401
    assert phone.fetch(held).status_code == 401


def test_a_serial_that_is_not_there_answers_as_a_wrong_secret(held, phone):
    held.serial = "x" * 22
    assert (phone.register(held), phone.fetch(held).status_code) == (401, 401)
    held.refresh_from_db()
    held.pass_type = "pass.fr.another"
    assert phone.register(held) == 401


@pytest.mark.parametrize("body", ["", "[]", "{", '{"pushToken": "zz"}', '{"pushToken": null}'])
def test_what_is_no_push_token_is_not_kept(held, visitor, phone, body):
    path, proof = phone._path(held), phone._proof(held)
    answer = visitor.post(path, body, content_type="application/json", headers=proof)
    assert answer.status_code == 400
    assert not Device.objects.exists()


def test_a_phone_that_lets_its_last_pass_go_is_forgotten(held, shop, phone):
    second = held_pass(CardFactory(), shop)
    phone.register(held)
    phone.register(second)
    assert phone.unregister(held) == 200
    assert phone.unregister(held) == 200, "twice is once"
    assert phone.changed(second).json()["serialNumbers"] == [second.serial]
    assert phone.unregister(second) == 200
    assert not Device.objects.exists()


def test_two_phones_hold_one_pass(held, visitor, phone):
    other = Phone(visitor, **OTHER)
    assert (phone.register(held), other.register(held)) == (201, 201)
    phone.unregister(held)
    assert phone.changed(held).status_code == 204
    assert other.changed(held).json()["serialNumbers"] == [held.serial]


def test_the_neighbours_host_knows_no_pass_of_this_shop(held, other_shop):
    neighbour = Phone(ShopClient(other_shop))
    assert neighbour.register(held) == 401


# --- what changed since ----------------------------------------------------------------------


def test_a_phone_hears_what_changed_since_it_last_asked(held, shop, phone, card):
    phone.register(held)
    answer = phone.changed(held).json()
    assert answer == {"serialNumbers": [held.serial], "lastUpdated": str(held.tag)}
    assert phone.changed(held, since=answer["lastUpdated"]).status_code == 204
    stamp(card)
    refresh(card, shop)
    again = phone.changed(held, since=answer["lastUpdated"]).json()
    assert int(again["lastUpdated"]) > int(answer["lastUpdated"])
    assert phone.changed(held, since="never").json()["serialNumbers"] == [held.serial]


def test_what_shows_nothing_new_is_no_change(held, shop, phone, card):
    phone.register(held)
    refresh(card, shop)
    held.refresh_from_db()
    assert phone.changed(held, since=str(held.tag)).status_code == 204
    assert not Device.objects.exclude(due_at=None).exists()


def test_two_changes_in_one_second_are_two(held, shop, phone, card):
    """By the second alone the phone that has the first would be told that nothing changed."""
    phone.register(held)
    now = timezone.now().replace(microsecond=100_000)
    stamp(card)
    refresh(card, shop, now)
    seen = phone.fetch(held)
    told = phone.changed(held).json()["lastUpdated"]
    assert read_pass(seen.content).fields["count"]["value"] == "4 / 10"
    stamp(card)
    refresh(card, shop, now + timedelta(milliseconds=200))
    assert phone.changed(held, since=told).json()["serialNumbers"] == [held.serial]
    second = phone.fetch(held, since=seen["Last-Modified"])
    assert second.status_code == 200
    assert read_pass(second.content).fields["count"]["value"] == "5 / 10"
    assert phone.fetch(held, since=second["Last-Modified"]).status_code == 304


@bounded(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.integers(-1500, 1500), min_size=1, max_size=12))
def test_however_the_clock_runs_each_change_has_a_later_date_and_a_greater_tag(held, steps):
    """Also when two machines do not agree on the time."""
    moment, seen, face = datetime(2026, 11, 21, tzinfo=UTC), [], Face.of_json(held.face)
    for number, step in enumerate(steps):
        moment += timedelta(milliseconds=step)
        shown = replace(face, under_code={"fr": f"{number}"})
        services.show(subject=held.subject, compose=lambda shown=shown: shown, now=moment)
        found = Pass.objects.get(pk=held.pk)
        seen.append((found.tag, found.modified_at))
        assert found.modified_at.microsecond == 0
    assert [tag for tag, _ in seen] == sorted({tag for tag, _ in seen})
    assert [at for _, at in seen] == sorted({at for _, at in seen})


FACE = Face(title=words("Carte"), code="https://cave/c/x/", under_code=words("N° 1"), places=20)
TYPE, DEVICE = "pass.fr.x", {"library": "d" * 32, "push_token": "ab" * 32}


def issued(*subjects: int) -> list[Pass]:
    now = timezone.now()
    return [
        services.issue(subject=subject, compose=lambda: FACE, pass_type=TYPE, now=now)
        for subject in subjects
    ]


def test_a_change_that_is_committed_late_is_not_missed(committed):
    """Eight changes at once while a phone asks again and again: it hears of each."""
    now, numbers = timezone.now(), range(1, 9)

    def begin(_):
        for held in issued(*numbers):
            services.register(held=held, now=now, **DEVICE)
        return services.changed_since(library="d" * 32, pass_type=TYPE, tag=-1).tag

    (start,) = committed(begin, None)
    heard: set[str] = set()

    def work(number: int) -> int:
        if number:
            compose = partial(replace, FACE, filled=number)
            services.show(subject=number, compose=compose, now=timezone.now())
            return 0
        tag = start
        for _turn in range(40):
            found = services.changed_since(library="d" * 32, pass_type=TYPE, tag=tag)
            if found is not None:
                heard.update(found.serials)
                tag = found.tag
        return tag

    tag = committed(work, 0, *numbers)[0]
    rest = services.changed_since(library="d" * 32, pass_type=TYPE, tag=tag)
    heard.update(rest.serials if rest else [])
    assert len(heard) == 8
    tags = sorted(Pass.objects.values_list("tag", flat=True))
    assert tags == list(range(start + 1, start + 9)), "each drew a tag of its own"


def test_a_new_look_while_cards_are_stamped_ends_for_everybody(committed):
    """Nobody waits for another who waits for them."""
    numbers = range(1, 7)
    committed(lambda _: issued(*numbers), None)

    def work(number: int) -> None:
        for turn in range(1, 11):
            if number:
                compose = partial(replace, FACE, filled=turn)
                services.show(subject=number, compose=compose, now=timezone.now())
            else:
                services.show_all_anew(timezone.now())

    assert committed(work, 0, 0, *numbers) == [None] * 8
    assert {held.face["filled"] for held in Pass.objects.all()} == {10}


def test_registering_and_letting_go_at_once_leaves_no_half(committed):
    now = timezone.now()
    (held,) = committed(lambda _: issued(1, 2), None)

    def work(turn: int) -> None:
        one = held[turn % 2]
        for _ in range(8):
            if turn < 4:
                services.register(held=one, now=now, **DEVICE)
            else:
                services.unregister(held=one, library="d" * 32)

    assert committed(work, *range(8)) == [None] * 8
    committed(lambda one: services.register(held=one, now=now, **DEVICE), *held)
    assert Registration.objects.count() == 2
    committed(lambda one: services.unregister(held=one, library="d" * 32), *held)
    assert not Device.objects.exists()


def test_stamps_and_their_news_at_once_end_in_what_the_card_says(committed, shop):
    """Composed before the pass is locked, the slower of two would show the older count."""

    def begin(_):
        ProgrammeFactory(goal=20)
        card = CardFactory()
        pocket.issued(card, shop, timezone.now())
        return card

    (card,) = committed(begin, None)

    def work(_turn: int) -> None:
        stamp(card)
        pocket.refresh(card.pk, shop, timezone.now())

    committed(work, *range(6))
    assert Face.of_json(Pass.objects.get().face).filled == 6


def test_a_card_asked_for_by_several_taps_at_once_is_one_pass(committed):
    found = committed(lambda _: issued(5)[0].serial, *range(6))
    assert len(set(found)) == 1


# --- the pass itself -------------------------------------------------------------------------


def test_a_renewed_link_closes_the_pass_that_carried_the_old_one(held, shop, card, phone, visitor):
    """Whoever held it may be the one who was to be shut out."""
    phone.register(held)
    before = phone.fetch(held)["Last-Modified"]
    fresh = renew_link(card, client_address="203.0.113.7")
    refresh(card, shop)
    old = read_pass(phone.fetch(held, since=before).content)
    assert old.json["voided"] is True
    assert "barcodes" not in old.json
    assert "Cette carte a été remplacée" in old.fields["closed"]["value"]
    assert all(fresh.token.encode() not in data for data in old.files.values())
    again = held_pass(fresh, shop)
    assert again.serial != held.serial
    assert phone.changed(held).json()["serialNumbers"] == [held.serial]


def test_what_phones_complain_of_is_heard_without_names_and_not_for_ever(visitor, held, caplog):
    line = f"Get pass task (serial {held.serial}, 06 12 34 56 78) encountered error: timeout"
    with caplog.at_level(logging.WARNING):
        for _ in range(70):
            answer = visitor.post("/wallet/v1/log", {"logs": [line]}, "application/json")
            assert answer.status_code == 200
    told = [record.getMessage() for record in caplog.records if "a phone says" in record.message]
    assert len(told) == 60
    assert all("timeout" in text for text in told)
    assert not any(held.serial in text or "56 78" in text for text in told)
    for body in ("[]", "{", '{"logs": 5}'):
        assert visitor.post("/wallet/v1/log", body, "application/json").status_code == 200
