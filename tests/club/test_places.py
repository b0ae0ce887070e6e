"""Limited places: never one too many, kept for who is next, given back by who does not pay."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.club.models import Member, State, Waiting
from apps.club.services import joining, planning, waiting
from apps.contacts.models import Contact
from apps.core.actor import SYSTEM
from apps.messaging.models import Message

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seller")]


def in_line(plan, name):
    person = Contact.objects.create(first_name=name.title(), email=f"{name}@exemple.fr")
    return waiting.wait(plan, person, timezone.now())


def test_the_last_place_is_one_persons(make_plan, order):
    plan = make_plan(places=1)
    order(plan, "camille")
    with pytest.raises(joining.Full):
        order(plan, "lea")


def test_who_does_not_pay_gives_the_place_back_to_who_waits(make_plan, order, stripe, later, shop):
    plan = make_plan(places=1)
    page = order(plan)
    line = in_line(plan, "lea")
    assert not line.offered_at
    waiting.look(later(hours=1))
    line.refresh_from_db()
    assert line.offered_at
    assert Member.objects.get().state == State.ENDED
    assert stripe.books.things[page.rpartition("/")[2]]["status"] == "expired"
    message = Message.objects.get(cause=f"club-place:{line.pk}")
    assert f"/club/{plan.pk}/?place={line.token}" in message.body


def test_a_plan_that_opens_again_offers_its_places(make_plan, owner_client, shop):
    plan = make_plan(places=1)
    planning.close_plan(plan, by=SYSTEM, now=timezone.now())
    line = in_line(plan, "lea")
    assert not line.offered_at
    owner_client.post(f"/gestion/club/formules/{plan.pk}/ouvrir/", {"act": "open"})
    connection.set_tenant(shop)
    line.refresh_from_db()
    assert line.offered_at


def test_money_that_came_at_the_last_moment_counts(make_plan, order, stripe, later):
    """Its event is lost or late: Stripe is asked before the place is given back."""
    plan = make_plan(places=1)
    stripe.pay(order(plan))
    waiting.look(later(hours=1))
    member = Member.objects.get()
    assert (member.state, member.ended_at) == (State.ACTIVE, None)


def test_a_kept_place_is_taken_by_its_link_alone_and_in_time(make_plan, order, later, join):
    plan = make_plan(places=1)
    join(plan, "camille")
    line = in_line(plan, "lea")
    planning.save_plan(
        planning.PlanWords(name="Découverte", price_cents=3200, bottles=3, places=2),
        by=SYSTEM,
        now=timezone.now(),
        plan=plan,
    )
    assert waiting.offer_places(plan, timezone.now()) == 1
    line.refresh_from_db()
    with pytest.raises(joining.Full):
        order(plan, "nour")
    with pytest.raises(joining.Full):
        order(plan, "lea", now=later(hours=49), turn=line.token)
    order(plan, "lea", turn=line.token)
    line.refresh_from_db()
    assert line.member.contact.email == "lea@exemple.fr"


def test_who_does_not_answer_lets_the_next_one_in(make_plan, join, later):
    plan = make_plan(places=1)
    member = join(plan)
    first, second = in_line(plan, "lea"), in_line(plan, "nour")
    now = timezone.now()
    Member.objects.filter(pk=member.pk).update(state=State.ENDED, ended_at=now)
    waiting.look(now)
    waiting.look(later(hours=49))
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.ended_at
    assert second.offered_at


def test_one_stands_in_a_line_once_and_leaves_it_when_one_likes(make_plan, join, visitor):
    plan = make_plan(places=1)
    join(plan)
    line = in_line(plan, "lea")
    again = waiting.wait(plan, line.contact, timezone.now() + timedelta(days=1))
    assert again == line
    assert Waiting.objects.count() == 1
    visitor.post(f"/club/attente/{line.token}/")
    line.refresh_from_db()
    assert line.ended_at


def test_from_the_street_the_line_stands_before_the_street(make_plan, join, visitor):
    plan = make_plan(places=1)
    join(plan)
    connection.set_tenant(visitor.shop)
    page = visitor.get(f"/club/{plan.pk}/").text
    assert "Toutes les places sont prises" in page
    sent = visitor.post(
        f"/club/{plan.pk}/attendre/", {"first_name": "Léa", "email": "lea@exemple.fr"}
    )
    assert "Vous êtes sur la liste" in sent.text
    assert Waiting.objects.get().contact.email == "lea@exemple.fr"
