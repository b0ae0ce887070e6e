"""Budget, plan and pace as the owner meets them: at launch, in the middle, by themselves."""

import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.campaigns import affording, automatic, firing, freezing, services
from apps.campaigns.estimate import estimate
from apps.campaigns.models import Drop, Run, RunState, State, Trigger
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.messaging import budget, outbox, quality
from apps.messaging.models import Flow, Message, Month, Spending
from apps.shops.models import Shop
from apps.shops.plans import PLANS
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

TEAM = Actor("team", 1)
FRIDAY = datetime(2026, 11, 20, 10, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, 9, tzinfo=UTC)
WORDS = {"use_email": False, "sms_text": "Du nouveau ce soir"}


@pytest.fixture
def people(shop):
    ProgrammeFactory()
    return ContactFactory.create_batch(10, agreeing=True)


def launch(shop, now=FRIDAY, **written):
    drop = services.create(TEAM, written={**WORDS, **written}, now=now)
    return services.launch(drop.pk, uuid.uuid4(), TEAM, estimate(drop, shop, now), now)


def spend(shop, cents, *, of, now=FRIDAY):
    """``cents`` are gone of a budget ``of`` so many."""
    budget.set_budget(shop, of, TEAM, now)
    shop.refresh_from_db()
    Month.objects.update(taken_tenths=cents * 10)


def test_a_drop_that_costs_more_than_is_left_is_refused_in_numbers(shop, people):
    spend(shop, 4_950, of=5_000)
    with pytest.raises(affording.OverBudget) as refusal:
        launch(shop)
    assert str(refusal.value) == (
        "Ce message coûterait environ 0,70\u00a0€ et il reste 0,50\u00a0€ sur les 50,00\u00a0€ du "
        "budget de novembre. Écrivez à moins de monde, raccourcissez le SMS, ou relevez le budget "
        "dans Messages, Dépenses."
    )
    assert Drop.objects.get().state == State.DRAFT
    spend(shop, 4_950, of=5_020)
    assert launch(shop).state == State.PREPARING


def test_what_another_drop_was_promised_is_no_longer_there(shop, people):
    spend(shop, 0, of=100)
    launch(shop)
    Contact.objects.update(last_commercial_at=None)
    with pytest.raises(affording.OverBudget) as refusal:
        launch(shop)
    assert "il reste 0,30\u00a0€ (0,70\u00a0€ sont promis à d’autres)" in str(refusal.value)


def test_what_leaves_next_month_is_held_against_next_month_s_budget(shop, people):
    spend(shop, 5_000, of=5_000)
    assert launch(shop, send_at=DECEMBER).state == State.SCHEDULED


def test_mails_past_the_plan_are_refused_with_the_next_plan(shop, people):
    Month.objects.create(month="2026-11-01", mails=14_995)
    words = {"use_sms": False, "use_email": True, "email_subject": "Oh", "email_text": "Ah"}
    with pytest.raises(affording.TooManyMails) as refusal:
        launch(shop, **words)
    assert "10 e-mails et il en reste 5 sur les 15\u202f000" in str(refusal.value)
    assert "la formule Maison" in str(refusal.value)
    assert launch(shop).state == State.PREPARING  # an SMS is none of them


def test_a_list_longer_than_the_plan_s_is_refused_and_loses_nobody(shop, people, monkeypatch):
    shop.plan = "echoppe"
    monkeypatch.setattr("apps.shops.plans.PLANS", (replace(PLANS[0], contacts=9),))
    with pytest.raises(affording.ListTooLong) as refusal:
        launch(shop)
    assert "comprend 9 clients et vous en avez 10" in str(refusal.value)
    shop.plan = ""  # agreed apart
    assert launch(shop).state == State.PREPARING


def test_a_drop_stops_in_the_middle_and_goes_on_when_the_budget_is_raised(
    owner_client, shop, people, run_jobs, monkeypatch
):
    now = timezone.now()
    drop = services.create(TEAM, written=WORDS, now=now)
    always = {"quiet_until": "00:00", "quiet_from": "23:59:59", "sundays_allowed": True}
    Shop.objects.filter(pk=shop.pk).update(**always)
    shop.refresh_from_db()
    services.launch(drop.pk, uuid.uuid4(), TEAM, estimate(drop, shop, now), now)
    spend(shop, 4_972, of=5_000, now=now)  # somebody else was faster
    run_jobs()
    drop.refresh_from_db()
    assert (drop.state, drop.pause_reason) == (State.PAUSED, "budget")
    gone = Message.objects.exclude(status="queued").count()
    assert gone == 4
    page = owner_client.get(f"/gestion/messages/{drop.pk}/").content.decode()
    assert "Le budget du mois est atteint" in page
    assert "Voir les dépenses" in page
    with pytest.raises(affording.StillClosed):
        services.resume(drop.pk, TEAM)
    assert owner_client.post("/gestion/messages/depenses/budget/", {"budget": "80"}).url
    run_jobs()
    drop.refresh_from_db()
    assert drop.state in {State.SENDING, State.DONE}
    assert not Message.objects.filter(status="queued").exists()


def test_a_drop_that_was_programmed_takes_nobody_while_the_budget_is_spent(shop, people):
    drop = launch(shop, send_at=FRIDAY + timedelta(hours=2))
    Flow.objects.create(channel="sms", closed_for="budget", closed_until=DECEMBER)
    freezing.freeze(drop.pk, str(drop.launch_token), FRIDAY + timedelta(hours=2))
    drop.refresh_from_db()
    assert (drop.state, drop.pause_reason) == (State.PAUSED, "budget")
    assert not Message.objects.exists()
    Flow.objects.update(closed_until=FRIDAY)
    services.provider_resumed("budget", DECEMBER)
    freezing.freeze(drop.pk, str(drop.launch_token), DECEMBER)
    assert Message.objects.count() == 10


def test_an_operator_that_works_again_resumes_nothing_that_the_budget_stopped(shop, people):
    drop = launch(shop)
    Drop.objects.update(state=State.PAUSED, pause_reason="budget")
    services.provider_resumed()
    drop.refresh_from_db()
    assert drop.state == State.PAUSED
    Drop.objects.update(pause_reason="20003")
    services.provider_resumed("budget")
    drop.refresh_from_db()
    assert drop.state == State.PAUSED


@pytest.fixture
def run_of_reward(shop):
    """Somebody met a trigger that still makes sense for a month, or for three days."""
    ProgrammeFactory()
    card = CardFactory(contact__agreeing=True, rewards_ready=1)

    def make(lasts):
        trigger = automatic.create("welcome", TEAM)
        Trigger.objects.filter(pk=trigger.pk).update(on_since=FRIDAY, use_email=False)
        return Run.objects.create(
            trigger=trigger,
            contact=card.contact,
            occasion="1",
            caused_at=FRIDAY,
            at=FRIDAY,
            expires_at=FRIDAY + lasts,
        )

    return make


@pytest.mark.parametrize("days", [3, 30])
def test_what_leaves_by_itself_waits_for_the_next_month_or_is_dropped_with_the_reason(
    shop, run_of_reward, days, monkeypatch
):
    monkeypatch.setattr("apps.campaigns.leaving._holds", lambda run: True)
    Flow.objects.create(
        channel="sms", closed_for="budget", closed_until=budget.month_after(FRIDAY, shop)
    )
    run = run_of_reward(timedelta(days=days))
    firing.settle(run.pk, shop, FRIDAY)
    run.refresh_from_db()
    assert run.reason == "budget"
    assert "budget du mois" in run.why
    if days == 3:
        assert run.state == RunState.DROPPED
        return
    assert (run.state, run.at.month) == (RunState.WAITING, 12)
    Flow.objects.update(closed_for="", closed_until=None)
    firing.look_again("budget", FRIDAY)
    firing.settle(run.pk, shop, FRIDAY)
    run.refresh_from_db()
    assert run.state == RunState.SENT


def test_the_composer_says_what_will_be_left_and_what_is_too_dear(owner_client, shop, people):
    now = timezone.now()
    spend(shop, 4_900, of=5_000, now=now)
    drop = services.create(TEAM, written=WORDS)
    here = f"/gestion/messages/{drop.pk}/"
    assert "Il restera 0,30\u00a0€ sur les 50,00\u00a0€" in owner_client.get(here).content.decode()
    spend(shop, 4_990, of=5_000, now=now)
    page = owner_client.get(here).content.decode()
    assert "il reste 0,10\u00a0€" in page
    launch_page = owner_client.get(reverse("drop_launch", args=[drop.pk])).content.decode()
    assert "Pas encore prêt" in launch_page
    assert "relevez le budget" in launch_page
    assert not re.search("name=.token.", launch_page)


def test_the_composer_says_how_long_a_slowed_drop_will_take(owner_client, shop, people, settings):
    settings.SENDER_QUALITY = {**settings.SENDER_QUALITY, "slow_per_hour": 10, "round_minutes": 6}
    Spending.objects.create(
        day=timezone.localdate(), channel="sms", origin="drop", tried=100, messages=100, bounced=9
    )
    quality.judge(shop, timezone.now())
    drop = services.create(TEAM, written=WORDS)
    page = owner_client.get(f"/gestion/messages/{drop.pk}/").content.decode()
    assert "Ralenti" in page
    assert "à 10 par heure, les 10 SMS de ce message prendront 1 h 00" in page


def test_no_limit_is_no_word(owner_client, shop, people):
    drop = services.create(TEAM, written=WORDS)
    page = owner_client.get(f"/gestion/messages/{drop.pk}/").content.decode()
    assert "budget" not in page
    assert "Ralenti" not in page
    assert outbox.more_is_due(shop) is False
