"""Phones are told: against a real HTTP/2 server over TLS that checks what Apple checks."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from apps.core import due
from apps.core.models import Due
from apps.core.tenancy import in_schema
from apps.loyalty import pocket
from apps.wallet import followers, pushing, services, tasks
from apps.wallet.followers import FOLLOWERS
from apps.wallet.identities import adopt, release
from apps.wallet.models import Device
from apps.wallet.providers import apns as client
from apps.wallet.providers.base import Answer, Told
from tests.factories import CardFactory
from tests.peers.apns import Apns, always, apns, first
from tests.peers.certificates import server_files
from tests.wallet.conftest import PASS_TYPE, by_platform, held_pass, stamp

pytestmark = pytest.mark.django_db


@pytest.fixture
def apple(authority, identity, tmp_path, settings, monkeypatch) -> Iterator[Apns]:
    """Trusted because its authority is; nothing in the code knows it is not Apple's."""
    certificate, key = server_files(authority, tmp_path)
    root = tmp_path / "root.pem"
    root.write_bytes(authority.root.certificate.public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(root))
    client._lines.clear()
    client._tokens.clear()
    with apns(certificate, key, identity.push_key.public_key()) as peer:
        settings.APNS_URL = peer.url
        yield peer
    for line in client._lines.values():
        line.close()
    client._lines.clear()


def phones(held, *names: str) -> list[str]:
    for name in names:
        services.register(held=held, library=name, push_token=name * 4, now=timezone.now())
    return [name * 4 for name in names]


def changed(card, shop, now=None):
    stamp(card)
    card.refresh_from_db()
    pocket.refresh(card.pk, shop, now or timezone.now())


def many(held, count: int) -> None:
    phones(held, *(f"{number:016x}" for number in range(count)))
    Device.objects.update(due_at=timezone.now(), wanted=1)


def waiting() -> int:
    return Device.objects.exclude(due_at=None).count()


def test_a_stamp_is_told_to_every_phone_that_holds_the_card(held, card, apple, run_jobs):
    """From the counter's gesture to Apple's server, by the queue alone."""
    told = phones(held, "a" * 16, "b" * 16)
    stamp(card)
    run_jobs()
    assert sorted(apple.pushed) == told
    assert waiting() == 0
    head = apple.headers[0]
    assert head["apns-topic"] == PASS_TYPE
    assert (head["apns-push-type"], head["apns-priority"]) == ("background", "5")


def test_phones_are_told_before_what_nobody_waits_for(held, card, shop):
    phones(held, "a" * 16)
    changed(card, shop)
    job = OrmQ.objects.latest("pk")
    assert (job.key[:2], job.task["args"][1]) == ("0:", "apps.wallet.tasks.tell")
    services.show_all_anew(timezone.now())
    assert OrmQ.objects.latest("pk").key[:2] == "2:", "a new look waits for everything else"


def test_who_was_stamped_is_told_before_who_gets_a_new_look(held, shop, apple, monkeypatch):
    monkeypatch.setattr(FOLLOWERS[0], "batch", 1)
    other = CardFactory()
    late = held_pass(other, shop)
    phones(held, "a" * 16)
    phones(late, "b" * 16)
    services.show_all_anew(timezone.now() - timedelta(minutes=1))
    changed(other, shop)
    pushing.tell(shop)
    assert apple.pushed == ["b" * 64, "a" * 64]


def test_several_stamps_before_the_queue_comes_are_one_push(held, card, shop, apple):
    phones(held, "a" * 16)
    for _ in range(4):
        changed(card, shop)
    pushing.tell(shop)
    pushing.tell(shop)
    assert apple.pushed == ["a" * 64]


def test_a_stamp_while_the_phone_is_told_is_told_too(held, card, shop, apple):
    phones(held, "a" * 16)
    changed(card, shop)
    phones_due = FOLLOWERS[0]
    (claimed,) = pushing.claim(phones_due, timezone.now())
    changed(card, shop)
    assert pushing.claim(phones_due, timezone.now()) == [], "it is being told"
    pushing.settle(phones_due, [claimed], [Answer(Told.YES)], timezone.now())
    pushing.tell(shop)
    assert apple.pushed == ["a" * 64]
    assert waiting() == 0


def test_who_dies_with_a_claim_leaves_the_phone_due_again(held, card, shop, apple):
    phones(held, "a" * 16)
    changed(card, shop)
    held_by, now = FOLLOWERS[0], timezone.now()
    assert len(pushing.claim(held_by, now)) == 1
    assert pushing.claim(held_by, now + pushing.LEASE - timedelta(seconds=1)) == []
    assert len(pushing.claim(held_by, now + pushing.LEASE + timedelta(seconds=1))) == 1


def test_no_push_is_made_inside_a_transaction(held, card, shop, settings, monkeypatch):
    """(The test's own is the only one.)"""
    seen = []

    class Watching:
        def push(self, identity, tokens):
            seen.append(len(connection.savepoint_ids))
            return [Answer(Told.YES) for _ in tokens]

    monkeypatch.setattr(followers, "pusher", Watching)
    phones(held, "a" * 16)
    changed(card, shop)
    before = len(connection.savepoint_ids)
    pushing.tell(shop)
    assert seen == [before]


# --- what Apple answers ----------------------------------------------------------------------


def test_requests_lost_by_a_goaway_are_asked_again(held, shop, apple):
    many(held, 60)
    apple.goaway_after = 25
    pushing.tell(shop)
    assert sorted(set(apple.pushed)) == [f"{number:016x}" * 4 for number in range(60)]
    assert apple.connections == 3
    assert waiting() == 0


def test_a_goaway_before_any_answer_loses_nothing_either(held, shop, apple):
    many(held, 30)
    apple.goaway_after, apple.abrupt = 12, True
    pushing.tell(shop)
    assert len(set(apple.pushed)) == 30
    assert waiting() == 0


def test_a_server_that_leaves_at_each_request_is_left_alone(held, shop, apple):
    many(held, 10)
    apple.goaway_after, apple.abrupt = 1, True
    pushing.tell(shop)
    assert apple.connections == client.ROUNDS
    later = Device.objects.filter(due_at__gt=timezone.now()).count()
    assert later + len(set(apple.pushed)) == 10


def test_no_more_streams_are_opened_than_the_server_allows(held, shop, apple):
    """More than that and Apple would end the connection."""
    apple.streams = 3
    many(held, 20)
    pushing.tell(shop)
    assert (len(apple.pushed), apple.connections) == (20, 1)


def test_one_line_serves_many_jobs(held, card, shop, apple):
    phones(held, "a" * 16)
    for _ in range(3):
        changed(card, shop)
        pushing.tell(shop)
    assert (len(apple.pushed), apple.connections) == (3, 1)


def test_a_phone_that_is_gone_is_forgotten(held, card, shop, apple):
    phones(held, "a" * 16, "b" * 16)
    gone = (410, {"reason": "Unregistered"})
    apple.says = lambda token, times: gone if token[0] == "a" else (200, {})
    changed(card, shop)
    pushing.tell(shop)
    assert list(Device.objects.values_list("library", flat=True)) == ["b" * 16]


def test_one_that_came_back_since_apple_lost_it_stays(held, card, shop, apple):
    phones(held, "a" * 16)
    before = datetime.now(UTC) - timedelta(days=2)
    apple.says = always(410, reason="Unregistered", timestamp=int(before.timestamp() * 1000))
    changed(card, shop)
    pushing.tell(shop)
    assert Device.objects.get().due_at is None


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_under_strain_is_asked_again_later(held, card, shop, apple, status):
    phones(held, "a" * 16)
    apple.says = first(status, reason="TooManyRequests")
    changed(card, shop)
    pushing.tell(shop)
    device = Device.objects.get()
    assert (apple.pushed, device.tries) == ([], 1)
    assert Due.objects.get(what=pushing.DUE).at == device.due_at, "the clock knows"
    Device.objects.update(due_at=timezone.now())
    pushing.tell(shop)
    device.refresh_from_db()
    assert (apple.pushed, device.tries, device.due_at) == (["a" * 64], 0, None)
    assert Due.objects.get(what=pushing.DUE).at is None


def test_the_clock_wakes_the_shop_whose_phone_waits(held, card, shop, apple, run_jobs):
    phones(held, "a" * 16)
    apple.says = first(503)
    changed(card, shop)
    run_jobs()
    assert apple.pushed == []
    Device.objects.update(due_at=timezone.now())
    due.note(pushing.DUE, timezone.now())
    with in_schema("public"):
        tasks.look_at_the_clock()
    run_jobs()
    assert apple.pushed == ["a" * 64]


def test_each_try_rests_longer_and_the_last_is_the_last(held, card, shop, apple):
    phones(held, "a" * 16)
    apple.says = always(503)
    changed(card, shop)
    rests = []
    for _ in range(6):
        now = timezone.now()
        Device.objects.update(due_at=now)
        pushing.tell(shop)
        rests.append((Device.objects.get().due_at - now).total_seconds())
    for rest, least in zip(rests, (5, 30, 120, 600, 3600, 3600), strict=True):
        assert least <= rest < 4 * least
    Device.objects.update(due_at=timezone.now(), tries=pushing.MOST_TRIES)
    pushing.tell(shop)
    assert Device.objects.get().due_at is None


def test_a_provider_token_that_is_too_old_is_made_anew(held, card, shop, apple):
    phones(held, "a" * 16)
    apple.says = first(403, reason="ExpiredProviderToken")
    changed(card, shop)
    pushing.tell(shop)
    assert apple.pushed == ["a" * 64]
    assert apple.headers[0]["authorization"] != apple.headers[1]["authorization"]


def test_keys_that_apple_refuses_wait_for_whoever_mends_them(held, authority, card, shop, apple):
    wrong = authority.identity(PASS_TYPE, now=timezone.now())
    by_platform(adopt, wrong, now=timezone.now())
    phones(held, "a" * 16)
    changed(card, shop)
    pushing.tell(shop)
    rest = Device.objects.get().due_at - timezone.now()
    assert timedelta(minutes=50) < rest <= pushing.MEND


def test_without_any_key_the_phones_are_kept(held, card, shop, apple):
    by_platform(release, PASS_TYPE)
    phones(held, "a" * 16)
    changed(card, shop)
    pushing.tell(shop)
    assert (apple.connections, Device.objects.count()) == (0, 1)


def test_nobody_at_the_other_end_is_a_later_try(held, card, shop, settings):
    settings.APNS_URL = "https://localhost:9"
    client._lines.clear()
    phones(held, "a" * 16)
    changed(card, shop)
    pushing.tell(shop)
    assert Device.objects.get().tries == 1


def test_a_server_that_is_not_apples_is_not_spoken_to(held, card, shop, apple, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    phones(held, "a" * 16)
    changed(card, shop)
    pushing.tell(shop)
    assert (apple.connections, apple.pushed) == (0, [])


def test_the_demonstration_tells_no_phone_outside(held, card, shop, settings):
    assert settings.APNS_URL == ""
    phones(held, "a" * 16)
    changed(card, shop)
    pushing.tell(shop)
    assert waiting() == 0
