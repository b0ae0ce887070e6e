"""What the team sees of the boxes, and does with a plain form or a tick."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.catalog.models import Variant
from apps.club import packing, rounds
from apps.club.box_models import Box, BoxState, Round
from apps.club.box_queries import preparation
from apps.club.models import State
from tests.club.boxing import (
    TEAM,
    a_member,
    a_plan,
    bottle,
    box_of,
    content,
    offer,
    shipped,
)
from tests.factories import CardFactory, ContactFactory

HTMX = {"HX-Request": "true"}


def a_round(*bottles):
    """Of this month, as the clock has it."""
    now = timezone.now()
    today = timezone.localdate(now)
    days = {"choose_until": today + timedelta(days=5), "ready_on": today + timedelta(days=9)}
    one = rounds.open_round(today, **days, by=TEAM, now=now)
    if bottles:
        offer(one, *bottles)
    rounds.make(one.pk, now)
    return one


def this_month():
    return timezone.localdate().replace(day=1)


def member(**more):
    return a_member(starts=this_month(), **more)


def named(first, last="Martin", **more):
    return member(contact=ContactFactory(first_name=first, last_name=last), **more)


# --- rounds ----------------------------------------------------------------------------------


def test_an_empty_club_teaches_what_a_box_is(owner_client):
    assert "Pas encore de box" in owner_client.get(reverse("club_rounds")).text


def test_a_month_is_opened_and_its_boxes_are_made(owner_client, run_jobs):
    named("Zoé")
    today = timezone.localdate()
    told = {"month": this_month(), "choose_until": today, "ready_on": today + timedelta(days=3)}
    answer = owner_client.post(reverse("club_rounds"), told)
    assert answer.headers["Location"] == Round.objects.get().get_absolute_url()
    run_jobs()
    assert "Zoé Martin" in owner_client.get(answer.headers["Location"]).text


def test_dates_the_wrong_way_round_are_said_beside_their_field(owner_client):
    today = timezone.localdate()
    told = {"month": this_month(), "choose_until": today, "ready_on": today - timedelta(days=3)}
    answer = owner_client.post(reverse("club_rounds"), told)
    assert answer.status_code == 422
    assert "après que chacun a choisi" in answer.text
    assert not Round.objects.exists()


def test_the_rule_is_kept_and_told(owner_client):
    told = {"skips_a_year": 3, "opens_on": 28, "choose_days": 6, "pack_days": 4}
    assert owner_client.post(reverse("club_rule"), told).status_code == 302
    assert "reporter 3 box par an" in owner_client.get(reverse("club_rounds")).text
    answer = owner_client.post(reverse("club_rule"), told | {"opens_on": 31})
    assert answer.status_code == 422


# --- a round ---------------------------------------------------------------------------------


def test_who_is_late_stands_apart_and_not_among_those_to_pack(owner_client, shop):
    named("Zoé"), named("Loïc", state=State.LATE)
    one = a_round((bottle(), 3))
    to_pack = owner_client.get(one.get_absolute_url()).text
    assert "Zoé Martin" in to_pack
    assert "Loïc Martin" not in to_pack
    assert "1 box à part" in to_pack
    apart = owner_client.get(one.get_absolute_url() + "?etat=en-attente").text
    assert "Loïc Martin" in apart
    assert "à régler" in apart
    assert reverse("club_box_pack", args=[Box.objects.held_back().get().pk]) not in apart


def test_a_member_is_found_by_name_or_last_digits(owner_client, shop):
    named("Zoé"), member(contact=ContactFactory(first_name="Anaïs", phone="+33612349876"))
    one = a_round((bottle(), 3))
    for text in ("anais", "98 76"):
        found = owner_client.get(one.get_absolute_url(), {"q": text}, headers=HTMX).text
        assert "Anaïs" in found
        assert "Zoé" not in found


def test_a_page_of_boxes_costs_the_same_however_many_they_are(owner_client, shop):
    named("Zoé")
    one = a_round((bottle(), 2), (bottle("Mâcon", "blanc"), 1))

    def asked():
        with CaptureQueriesContext(connection) as caught:
            owner_client.get(one.get_absolute_url())
        return len(caught)

    few = asked()
    for _ in range(8):
        named("Inès")
    rounds.make(one.pk, timezone.now())
    assert asked() == few


def test_choices_are_closed_and_the_month_when_nothing_is_left(owner_client, shop):
    one = a_round((bottle(), 3))
    act = reverse("club_round_act", args=[one.pk])
    owner_client.post(act, {"act": "choices"})
    assert Round.objects.get().chosen_at
    answer = owner_client.post(act, {"act": "close"})
    assert answer.status_code == 302
    assert not Round.objects.get().is_open


# --- what goes in ----------------------------------------------------------------------------


def test_bottles_are_added_counted_and_put_in_order(owner_client, shop):
    plan = a_plan()
    morgon, macon = bottle("Morgon"), bottle("Mâcon", "blanc")
    one = a_round()
    at = reverse("club_selection", args=[one.pk, plan.pk])
    assert "Ajouter" in owner_client.get(at + "?q=macon").text
    owner_client.post(at, {"act": f"add:{morgon.pk}"})
    owner_client.post(at, {"variant": [morgon.pk], "usual": [2], "act": f"add:{macon.pk}"})
    told = {"variant": [morgon.pk, macon.pk], "usual": [2, 1], "act": f"up:{macon.pk}"}
    owner_client.post(at, told)
    offers = one.selections.get().offers
    assert list(offers.values_list("variant", "usual")) == [(macon.pk, 1), (morgon.pk, 2)]
    answer = owner_client.post(at, {"variant": [morgon.pk], "usual": [5], "act": "save"})
    assert answer.status_code == 422
    assert "la formule en a 3" in answer.text
    told = {"variant": [macon.pk, morgon.pk], "usual": [1, 2], "act": f"remove:{macon.pk}"}
    owner_client.post(at, told)
    assert offers.count() == 1


# --- the shelves -----------------------------------------------------------------------------


def test_the_list_says_what_to_take_by_colour_and_forgets_what_is_packed(owner_client, shop):
    named("Zoé"), named("Inès")
    one = a_round((bottle(stock=4), 2), (bottle("Mâcon", "blanc", stock=1), 1))
    page = owner_client.get(reverse("club_preparation", args=[one.pk])).text
    assert "5 bouteilles à prendre pour 2 box" in page
    assert "Rouge" in page
    assert "manque 1" in page
    full = Box.objects.order_by("pk").first()
    packing.pack(full.pk, by=TEAM, now=timezone.now())
    page = owner_client.get(reverse("club_preparation", args=[one.pk])).text
    assert "2 bouteilles à prendre pour 1 box" in page


def test_the_colours_come_as_on_a_wine_list(shop):
    named("Zoé")
    wines = [bottle("Cognac", ""), bottle("Mâcon", "blanc"), bottle("Irouléguy", "rouge")]
    one = a_round(*((wine, 1) for wine in wines))
    assert [shelf.colour for shelf in preparation(one)] == ["Rouge", "Blanc", "Autres"]


# --- packing ---------------------------------------------------------------------------------


def tick(client, box, headers=None, **more):
    return client.post(reverse("club_box_pack", args=[box.pk]), more, headers=headers)


def test_a_tick_and_its_undo_answer_with_the_row_and_the_count(owner_client, shop):
    zoe = named("Zoé")
    a_round((bottle(stock=3), 3))
    box = box_of(zoe)
    answer = tick(owner_client, box, HTMX, act="pack")
    assert 'aria-pressed="true"' in answer.text
    assert 'hx-swap-oob="true"' in answer.text
    assert "prête sur 1" in answer.text
    answer = tick(owner_client, box, HTMX, act="back")
    assert 'aria-pressed="false"' in answer.text
    assert Variant.objects.get().on_hand == 3


def test_a_tick_without_script_leads_back_to_the_list(owner_client, shop):
    zoe = named("Zoé")
    one = a_round((bottle(), 3))
    answer = tick(owner_client, box_of(zoe), act="pack", etat="a-preparer")
    assert answer.headers["Location"] == f"{one.get_absolute_url()}?etat=a-preparer#boxes"
    assert box_of(zoe).state == BoxState.PACKED


def test_a_tick_that_is_refused_says_why_on_its_row(owner_client, shop):
    loic = named("Loïc")
    a_round((bottle(), 3))
    loic.state = State.LATE
    loic.save()
    answer = tick(owner_client, box_of(loic), HTMX, act="pack")
    assert answer.status_code == 409
    assert "attend son règlement" in answer.text


# --- one box ---------------------------------------------------------------------------------


def test_the_team_changes_what_is_in_a_box_and_it_is_told(owner_client, shop, owner):
    zoe = named("Zoé")
    a_round((bottle(), 3), bottle("Fleurie"))
    box = box_of(zoe)
    keys = dict(Variant.objects.values_list("product__name", "pk"))
    told = {"variant": [keys["Morgon"], keys["Fleurie"]], "units": [1, 2], "act": "choose"}
    assert owner_client.post(box.get_absolute_url(), told).status_code == 302
    assert content(box) == {"Morgon": 1, "Fleurie": 2}
    page = owner_client.get(box.get_absolute_url()).text
    assert "bouteilles choisies" in page
    assert owner.get_short_name() in page
    answer = owner_client.post(box.get_absolute_url(), told | {"units": [1, 1]})
    assert answer.status_code == 422
    assert "compte 3 bouteilles" in answer.text
    owner_client.post(box.get_absolute_url(), {"act": "shop"})
    assert content(box) == {"Morgon": 3}


def test_a_parcel_is_shipped_from_its_page(owner_client, shop):
    zoe = named("Zoé", **shipped())
    a_round((bottle(), 3))
    box = box_of(zoe)
    tick(owner_client, box, act="pack", fiche="1")
    at = box.get_absolute_url()
    answer = owner_client.post(at, {"act": "ship", "carrier": "dpd", "tracking": "<b>"})
    assert answer.status_code == 422
    assert "numéro de suivi, lettres et chiffres" in answer.text
    owner_client.post(at, {"act": "ship", "carrier": "dpd", "tracking": "0980 1234 5678 90"})
    page = owner_client.get(at).text
    assert "https://trace.dpd.fr/fr/trace/09801234567890" in page
    owner_client.post(at, {"act": "back"})
    assert box_of(zoe).state == BoxState.PACKED


def test_a_box_is_put_off_and_restored(owner_client, shop):
    zoe = named("Zoé")
    a_round((bottle(), 3))
    at = box_of(zoe).get_absolute_url()
    owner_client.post(at, {"act": "skip"})
    assert "Rétablir cette box" in owner_client.get(at).text
    owner_client.post(at, {"act": "again"})
    assert content(box_of(zoe)) == {"Morgon": 3}


# --- the counter -----------------------------------------------------------------------------


@pytest.fixture
def ready(shop):
    """Anaïs Zola's box, packed."""
    anais = ContactFactory(first_name="Anaïs", last_name="Zola", phone="+33612345678")
    found = member(contact=anais)
    a_round((bottle(), 3))
    return packing.pack(box_of(found).pk, by=TEAM, now=timezone.now())


@pytest.mark.parametrize("q", ["", "zola", "56 78"])
def test_a_ready_box_is_found_at_the_counter(helper_client, ready, q):
    page = helper_client.get("/comptoir/reservations/", {"q": q}).text
    assert "Anaïs Z." in page
    assert reverse("counter-box", args=[ready.pk]) in page


def test_it_is_found_by_its_member_s_card(helper_client, ready):
    card = CardFactory(contact=ready.member.contact)
    code = f"https://cave.localhost/c/{card.token}/"
    assert "remise=1" in helper_client.get("/comptoir/scanner/?remise=1").text
    answer = helper_client.get("/comptoir/scan/", {"code": code, "remise": 1}, follow=True)
    assert reverse("counter-box", args=[ready.pk]) in answer.text


def test_a_helper_hands_it_over_against_a_proof_of_age(helper_client, ready):
    at = reverse("counter-box", args=[ready.pk])
    told = {"token": uuid4(), "act": "hand"}
    answer = helper_client.post(at, told)
    assert answer.status_code == 422
    assert "vérifiez une pièce d’identité" in answer.text
    assert helper_client.post(at, told | {"id_checked": "1"}).status_code == 302
    assert "remise" in helper_client.get(at).text
    helper_client.post(at, {"act": "back"})
    assert Box.objects.get().state == BoxState.PACKED


def test_another_person_s_name_finds_no_box(helper_client, ready):
    assert "Anaïs" not in helper_client.get("/comptoir/reservations/", {"q": "durand"}).text


# --- labels ----------------------------------------------------------------------------------


def test_labels_are_asked_for_followed_and_opened(owner_client, shop, settings, tmp_path, run_jobs):
    settings.MEDIA_ROOT = tmp_path
    named("Zoé")
    one = a_round((bottle(), 3))
    at = reverse("club_labels", args=[one.pk])
    assert "Se dessinent" in owner_client.get(at).text
    run_jobs()
    assert "Ouvrir le PDF" in owner_client.get(at, headers=HTMX).text
    file = owner_client.get(reverse("club_labels_pdf", args=[one.pk]))
    assert b"".join(file.streaming_content).startswith(b"%PDF")


# --- the home --------------------------------------------------------------------------------


def test_the_owner_s_home_says_how_many_are_still_to_be_packed(owner_client, shop):
    named("Zoé"), named("Inès"), named("Loïc", state=State.LATE)
    one = a_round((bottle(), 3))
    assert "Box du club" not in owner_client.get("/gestion/").text  # members still choose
    rounds.close_choices(one.pk, by=TEAM, now=timezone.now())
    packing.pack(Box.objects.to_pack().first().pk, by=TEAM, now=timezone.now())
    page = owner_client.get("/gestion/").text
    assert "1 à préparer" in page
    assert "1 prête sur 2" in page
