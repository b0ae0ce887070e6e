"""What Stripe tells: verified, stored once, carried out in any order, again at will."""

import json
import random
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_q.models import OrmQ

from apps.core.tenancy import in_schema
from apps.payments import events, mirror, subscribing
from apps.payments.models import Outcome, StripeEvent, Subscriber
from tests.payments.conftest import CONNECT_SECRET, PAGE, SECRET, WEBHOOK
from tests.peers.stripe.posting import signed

pytestmark = pytest.mark.django_db


def an_event(number=1, **fields):
    return {
        "id": f"evt_{number}",
        "object": "event",
        "type": "customer.subscription.updated",
        "created": 1_790_000_000,
        "livemode": False,
        "data": {"object": {"id": "sub_1", "object": "subscription", "customer": "cus_1"}},
        **fields,
    }


@pytest.mark.parametrize(
    "how",
    [
        {"secret": "whsec_forged"},
        {"at": 1_500_000_000},
        {"HTTP_STRIPE_SIGNATURE": ""},
        {"HTTP_STRIPE_SIGNATURE": "t=1,v1=abc"},
    ],
)
def test_a_forged_or_stale_event_is_refused_and_not_stored(stripe, tell, how):
    assert tell(an_event(), **how) == 400
    assert not StripeEvent.objects.exists()
    assert not OrmQ.objects.exists()


def test_a_body_changed_on_its_way_is_refused(stripe, platform_client):
    body, mark = signed(an_event(), SECRET)
    changed = body.replace("cus_1", "cus_2")
    answer = platform_client.post(
        WEBHOOK,
        changed,
        content_type="application/json",
        HTTP_STRIPE_SIGNATURE=mark["Stripe-Signature"],
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "body", [[], "x", {}, {"id": "evt_1"}, {**an_event(), "created": "hier"}, {"data": None}]
)
def test_what_is_signed_and_is_no_event_is_a_400(stripe, tell, body):
    assert tell(body) == 400
    assert not StripeEvent.objects.exists()


def test_without_secrets_nothing_is_believed(stripe, tell, settings):
    settings.STRIPE_WEBHOOK_SECRETS = []
    assert tell(an_event()) == 400


def test_an_event_of_either_endpoint_is_believed(stripe, tell):
    assert tell(an_event(1)) == tell(an_event(2), CONNECT_SECRET) == 200


def test_it_is_stored_once_and_by_its_ids_alone(stripe, tell):
    about = {"customer": "cus_1", "email": "claire@exemple.fr", "name": "Claire"}
    told = an_event(data={"object": about})
    assert tell(told) == tell(told) == 200
    (kept,) = StripeEvent.objects.values()
    assert kept["about"] == "cus_1"
    assert "laire" not in json.dumps(kept, default=str)
    assert OrmQ.objects.count() == 1


def in_public(work):
    def done(_):
        with in_schema("public"):
            return work()

    return done


def test_sent_by_many_at_once_it_is_stored_once(stripe, committed):
    try:
        stored = committed(in_public(lambda: events.store(an_event())), *range(8))
        assert sorted(stored) == [False] * 7 + [True]
    finally:
        committed(in_public(StripeEvent.objects.all().delete), 1)


def test_an_unknown_account_or_customer_is_neither_asked_about_nor_an_error(stripe, tell, run_jobs):
    assert tell(an_event(1, account="acct_unknown"), CONNECT_SECRET) == 200
    assert tell(an_event(2)) == 200
    run_jobs()
    assert stripe.calls == []
    assert set(StripeEvent.objects.values_list("outcome", flat=True)) == {Outcome.NOT_OURS}


def test_what_changes_nothing_here_is_noted_and_left(stripe, tell):
    assert tell(an_event(type="balance.available")) == 200
    assert tell(an_event(2, livemode=True)) == 200
    assert not OrmQ.objects.exists()
    assert set(StripeEvent.objects.values_list("outcome", flat=True)) == {Outcome.IGNORED}


def test_any_order_and_any_replay_end_the_same(owner_client, stripe, tell, run_jobs, kept):
    url = owner_client.post(f"{PAGE}echoppe/", {"once": "0" * 32})["Location"]
    stripe.pay(url)
    (found,) = stripe.books.all("subscription")
    stripe.advance(31)
    portal = owner_client.post(f"{PAGE}maison/", {"once": "1" * 32})["Location"]
    stripe.pressed(portal.removeprefix(stripe.url), {"act": "change"})
    story = list(stripe.events)
    for seed in range(4):
        kept(plan="boutique")
        StripeEvent.objects.all().delete()
        told = random.Random(seed).choices(story, k=len(story) * 2) + story
        random.Random(seed).shuffle(told)
        for start in range(0, len(told), 7):
            for event in told[start : start + 7]:
                assert tell(event) == 200
            run_jobs()
        assert (kept().plan, kept().unpaid_from) == ("maison", None), seed
        (mine,) = mirror.subscriptions(found["customer"])
        assert mine["status"] == "active"


def test_many_events_about_one_shop_are_one_question(subscribe, stripe, tell, run_jobs):
    subscribe("maison")
    customer = Subscriber.objects.get().customer_id
    for number in range(30):
        tell(an_event(number, data={"object": {"customer": customer}}))
    before = len(stripe.calls)
    run_jobs()
    assert len(stripe.calls) == before + 1
    assert not StripeEvent.objects.exclude(due_at=None).exists()


def test_an_older_read_does_not_undo_a_newer_one(subscribe, stripe, shop):
    subscribe("maison")
    subscriber = Subscriber.objects.get()
    (old,) = stripe.books.all("subscription")
    earlier = {**old, "status": "past_due"}
    began = subscriber.read_at - timedelta(seconds=1)
    assert subscribing.follow(shop, subscriber, [earlier], began) is False
    assert mirror.subscriptions(subscriber.customer_id)[0]["status"] == "active"


def test_while_stripe_is_silent_events_wait_and_are_tried_again(subscribe, stripe, tell, run_jobs):
    subscribe("maison")
    customer = Subscriber.objects.get().customer_id
    stripe.down = True
    tell(an_event(data={"object": {"customer": customer}}))
    run_jobs()
    waiting = StripeEvent.objects.get(event_id="evt_1")
    assert (waiting.applied_at, waiting.error) == (None, "StripeSilent")
    assert waiting.due_at > timezone.now()
    stripe.down = False
    StripeEvent.objects.filter(pk=waiting.pk).update(due_at=timezone.now())
    events.look()
    run_jobs()
    waiting.refresh_from_db()
    assert (waiting.outcome, waiting.error) == (Outcome.APPLIED, "")


def test_events_of_a_worker_that_died_are_taken_by_the_next(subscribe, stripe, tell, run_jobs):
    subscribe("maison")
    tell(an_event())
    OrmQ.objects.all().delete()
    assert len(events._take()) == 1  # taken, and then nothing
    assert events._take() == []
    StripeEvent.objects.filter(event_id="evt_1").update(due_at=timezone.now())
    events.look()
    run_jobs()
    assert StripeEvent.objects.get(event_id="evt_1").outcome == Outcome.NOT_OURS


def test_a_command_replays_what_was_lost_here(subscribe, run_jobs, kept, capsys):
    subscribe("maison")
    kept(plan="echoppe")
    with in_schema("public"):
        call_command("replay_events", "--days", "1")
    run_jobs()
    assert kept().plan == "maison"
    assert "à rejouer" in capsys.readouterr().out


def test_old_events_are_forgotten_and_waiting_ones_are_not(stripe, tell):
    for number in (1, 2):
        tell(an_event(number))
    long_ago = timezone.now() - timedelta(days=events.KEPT_DAYS + 1)
    StripeEvent.objects.update(received_at=long_ago)
    StripeEvent.objects.filter(event_id="evt_1").update(due_at=None)
    events.forget_old()
    assert [one.event_id for one in StripeEvent.objects.all()] == ["evt_2"]


def test_what_is_kept_of_stripe_names_no_person(subscribe, kept, stripe):
    kept(email="claire@exemple.fr", legal_name="Claire Fontaine")
    subscribe("maison")
    with in_schema("public"):
        said = json.dumps(mirror.all_subscriptions())
    assert "laire" not in said
    assert stripe.books.all("customer")[0]["email"] == "claire@exemple.fr"
