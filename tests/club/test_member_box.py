"""A member and their next box, on their own page: chosen, swapped, put off, coloured; in time."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.catalog.models import Variant
from apps.club import packing, rounds
from apps.club.box_models import Box, BoxState
from apps.club.models import Member
from apps.messaging.models import Message
from tests.club.boxing import TEAM, a_member, a_plan, bottle, content, offer, shipped
from tests.factories import ContactFactory


def a_round(*bottles):
    """Of this month, as the clock has it; members choose for five days more."""
    now, today = timezone.now(), timezone.localdate()
    days = {"choose_until": today + timedelta(days=5), "ready_on": today + timedelta(days=9)}
    one = rounds.open_round(today, **days, by=TEAM, now=now)
    offer(one, *bottles)
    rounds.make(one.pk, now)
    return one


@pytest.fixture
def member(shop):
    def make(**plan):
        person = ContactFactory(first_name="Léa", email="lea@exemple.fr", phone="")
        starts = timezone.localdate().replace(day=1)
        return a_member(a_plan(**plan), starts=starts, contact=person, **shipped())

    return make


@pytest.fixture
def inside(visitor):
    """A browser in which the page of ``member`` is open."""

    def enter(member: Member):
        path = f"/club/m/{member.token}/"
        visitor.post(f"{path}code/", {"canal": "email"})
        code = re.search(r"\b\d{6}\b", Message.objects.latest("pk").body)[0]
        visitor.post(f"{path}ouvrir/", {"code": code})
        return path

    return enter


def act(visitor, path, box, **told):
    return visitor.post(f"{path}box/{box.pk}/", told, follow=True).text


def test_before_the_first_round_it_says_what_will_stand_there(visitor, member, inside):
    assert "Elle s’ouvre bientôt" in visitor.get(inside(member())).text


def test_a_member_chooses_and_may_leave_it_to_the_shop(visitor, member, inside):
    path = inside(member(chosen_by="customer"))
    a_round(bottle(), bottle("Fleurie"))
    box, keys = Box.objects.get(), dict(Variant.objects.values_list("product__name", "pk"))
    assert "Choisissez 3 bouteilles" in visitor.get(path).text
    wanted = {"variant": [keys["Morgon"], keys["Fleurie"]], "units": [1, 2], "act": "choose"}
    assert "Votre choix est enregistré" in act(visitor, path, box, **wanted)
    assert content(box) == {"Morgon": 1, "Fleurie": 2}
    assert "vous en avez choisi 2" in act(visitor, path, box, **wanted | {"units": [1, 1]})
    assert "nous choisissons pour vous" in act(visitor, path, box, act="shop")
    assert content(box) == {}


def test_a_bottle_is_swapped_at_the_same_price_and_at_no_other(visitor, member, inside):
    path = inside(member())
    a_round((bottle(), 3), bottle("Fleurie"), bottle("Pommard", price=5800))
    box, keys = Box.objects.get(), dict(Variant.objects.values_list("product__name", "pk"))
    page = visitor.get(path).text
    assert "Fleurie" in page
    assert "Pommard" not in page
    told = {"act": "swap", "out": keys["Morgon"]}
    assert "43,10\xa0€ de plus" in act(visitor, path, box, **told, into=keys["Pommard"])
    act(visitor, path, box, **told, into=keys["Fleurie"])
    assert content(box) == {"Morgon": 2, "Fleurie": 1}


def test_a_box_is_put_off_and_wanted_after_all(visitor, member, inside):
    path = inside(member())
    a_round((bottle(), 3))
    box = Box.objects.get()
    assert "Finalement, je la veux" in act(visitor, path, box, act="skip")
    act(visitor, path, box, act="again")
    assert content(box) == {"Morgon": 3}


def test_a_refused_colour_leaves_the_box(visitor, member, inside):
    path = inside(member())
    a_round((bottle(), 2), (bottle("Mâcon", "blanc"), 1))
    visitor.post(f"{path}couleurs/", {"refused": ["blanc"]})
    assert content(Box.objects.get()) == {"Morgon": 3}


def test_what_became_of_it_is_told_with_the_parcel_s_link(visitor, member, inside):
    path = inside(member())
    a_round((bottle(), 3))
    box = Box.objects.get()
    packing.pack(box.pk, by=TEAM, now=timezone.now())
    packing.ship(box.pk, carrier="dpd", tracking="09801234", by=TEAM, now=timezone.now())
    page = visitor.get(path).text
    assert "expédiée" in page
    assert "https://trace.dpd.fr/fr/trace/09801234" in page
    assert "ne se change plus" in act(visitor, path, box, act="skip")


def test_another_member_s_box_is_nobody_s_business(visitor, member, inside):
    path = inside(member())
    other = a_member(starts=timezone.localdate().replace(day=1))
    a_round((bottle(), 3))
    theirs = Box.objects.get(member=other)
    assert visitor.post(f"{path}box/{theirs.pk}/", {"act": "skip"}).status_code == 404
    assert (
        visitor.post(f"/club/m/{other.token}/box/{theirs.pk}/", {"act": "skip"}).status_code == 302
    )
    assert Box.objects.get(pk=theirs.pk).state == BoxState.OPEN
