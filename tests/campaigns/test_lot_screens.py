"""What the team sees of a product to reserve: chosen, watched, handed over, exported."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.campaigns import services
from apps.campaigns.links import short
from apps.campaigns.lot_models import Booking, Lot
from apps.catalog.models import Purchase
from apps.catalog.services.photos import set_photo
from apps.core.templatetags.french import jour
from tests.campaigns.selling import TEAM, a_draft, a_lot, bottle, launched, take
from tests.catalog.test_photos import picture
from tests.factories import ContactFactory

State = Booking.State


@pytest.fixture
def lot(shop):
    return a_lot(12, timezone.now())


def booked(lot, units=2, **more):
    person = ContactFactory(agreeing=True, **more)
    return take(lot, person, units, now=timezone.now(), wait=True)


def typed(**more):
    today = timezone.localdate().isoformat()
    told = {"words": "", "price_cents": "12,50", "quantity": 6, "each": 3, "until": today, **more}
    return {f"lot-{name}": value for name, value in told.items()}


# --- composing ------------------------------------------------------------------------------


def test_a_product_is_chosen_from_the_shelves_and_priced(owner_client, shop):
    wine = bottle(12)
    drop = a_draft(bottle(3))
    shelves = owner_client.get(reverse("drop_product", args=[drop.pk]) + "?q=morgon")
    assert "12 en stock" in shelves.content.decode()
    owner_client.post(reverse("drop_product", args=[drop.pk]), {"variant": wine.pk})
    answer = owner_client.post(reverse("drop_lot", args=[drop.pk]), typed())
    assert answer.status_code == 302
    lot = Lot.objects.get()
    assert (lot.variant, lot.price_cents, lot.quantity, lot.each) == (wine, 1250, 6, 3)


def test_typing_moves_the_preview_and_offers_the_former_price(owner_client, shop):
    drop = a_draft(bottle(12))
    answer = owner_client.post(
        reverse("drop_lot", args=[drop.pk]), typed(says_former="on"), headers={"HX-Request": "true"}
    )
    told = answer.content.decode()
    assert "12,50" in told
    assert "Dire « au lieu de" in told
    assert "6 Morgon" in told


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"quantity": 0}, "quantity"),
        ({"price_cents": "cher"}, "42,50"),
        ({"until": "2020-01-01"}, "Ce jour est passé"),
        ({"words": "un\ndeux\ntrois\nquatre"}, "Trois lignes suffisent"),
    ],
)
def test_a_slip_is_said_beside_its_field_and_nothing_is_kept(owner_client, shop, wrong, said):
    drop = a_draft(bottle(12))
    answer = owner_client.post(
        reverse("drop_lot", args=[drop.pk]), typed(**wrong), headers={"HX-Request": "true"}
    )
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert Lot.objects.get().quantity == 12


def test_its_last_day_is_the_drop_s_and_is_said_while_one_types(owner_client, shop):
    drop, last = a_draft(bottle(12)), timezone.localdate() + timedelta(days=1)
    address, asked = reverse("drop_lot", args=[drop.pk]), {"HX-Request": "true"}
    told = owner_client.post(address, typed(until=last.isoformat()), headers=asked).text
    assert f"au plus tard jusqu’au {jour(last)} compris" in told


def test_a_photo_of_its_own_stands_before_the_product_s_and_gives_way_again(
    owner_client, visitor, settings, tmp_path, run_jobs
):
    settings.MEDIA_ROOT, now = tmp_path, timezone.now()
    drop = a_draft(bottle(12), now)
    wine = drop.lot.variant.product
    address = reverse("drop_photo", args=[drop.pk])

    def shown(**told):
        owner_client.post(address, told)
        run_jobs()
        return owner_client.get(address).text

    set_photo(of=wine, file=picture("#1a6d36"), by=TEAM)
    page = shown()
    wine.refresh_from_db()
    assert f'src="{wine.small_photo}"' in page
    page = shown(photo=picture())
    own = Lot.objects.get()
    assert own.image not in {"", wine.image}
    assert f'src="{own.small_photo}"' in page
    assert wine.image in shown(remove="1")
    shown(photo=picture())
    launched(drop, now)
    page = visitor.get(f"/r/{short(drop.pk)}/").text
    assert f'src="{own.photo}"' in page
    assert wine.image not in page
    assert services.duplicate(drop, TEAM).lot.picture == wine


def test_the_product_is_taken_off_again(owner_client, shop):
    drop = a_draft(bottle())
    owner_client.post(reverse("drop_lot", args=[drop.pk]), {"act": "remove"})
    assert not Lot.objects.exists()


def test_what_was_launched_keeps_its_product(owner_client, lot):
    answer = owner_client.post(reverse("drop_lot", args=[lot.drop_id]), typed())
    assert answer.status_code == 409


# --- watching -------------------------------------------------------------------------------


def test_a_reservation_arrives_on_the_drop_s_page(owner_client, lot):
    page = owner_client.get(reverse("drop", args=[lot.drop_id])).content.decode()
    address = page.split('data-live="')[1].split('"')[0]
    shown = page.split('data-version="')[1].split('"')[0]
    tag = {"If-None-Match": f'"{shown}"'}
    assert owner_client.get(address, headers=tag).status_code == 304
    booked(lot, first_name="Zoé")
    assert owner_client.get(address, headers=tag).status_code == 204
    part = owner_client.get(reverse("lot_results", args=[lot.drop_id])).content.decode()
    assert "<html" not in part
    assert 'data-say="2 réservés"' in part
    assert "Zoé" in part


def test_the_list_costs_the_same_for_one_and_for_thirty(owner_client, lot):
    booked(lot, 1)
    address = reverse("reservations", args=[lot.drop_id])
    owner_client.get(address)
    with CaptureQueriesContext(connection) as one:
        owner_client.get(address)
    for _ in range(29):
        booked(lot, 1)
    with CaptureQueriesContext(connection) as thirty:
        owner_client.get(address)
    assert len(thirty) <= len(one)


def test_somebody_on_the_telephone_is_noted(owner_client, lot):
    told = {"token": uuid4(), "phone": "06 71 42 53 99", "first_name": "Paul", "units": 3}
    for _ in range(2):
        owner_client.post(reverse("reservation_add", args=[lot.drop_id]), told)
    mine = Booking.objects.get()
    assert (mine.units, mine.by_team, mine.contact.first_name) == (3, True, "Paul")


def test_a_number_that_is_none_is_said_beside_it(owner_client, lot):
    told = {"token": uuid4(), "phone": "douze", "units": 3}
    answer = owner_client.post(reverse("reservation_add", args=[lot.drop_id]), told)
    assert answer.status_code == 422
    assert "n’est pas un numéro" in answer.content.decode()


def test_the_quantity_is_changed_and_the_reservations_stopped(owner_client, lot):
    address = reverse("lot_settle", args=[lot.drop_id])
    booked(lot, 5)
    assert owner_client.post(address, {"quantity": 4}).status_code == 422
    owner_client.post(address, {"quantity": 8})
    owner_client.post(address, {"act": "close"})
    found = Lot.objects.get()
    assert (found.quantity, bool(found.closed_at)) == (8, True)
    owner_client.post(address, {"act": "reopen"})
    assert Lot.objects.get().closed_at is None


def test_the_list_leaves_as_a_spreadsheet(owner_client, lot):
    booked(lot, 2, first_name="=Zoé", last_name="Martin")
    answer = owner_client.get(reverse("reservations_csv", args=[lot.drop_id]))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert "Nom;Téléphone;Produit;Quantité;Montant;État" in text
    assert "'=Zoé Martin;06" in text
    assert ";Morgon;2;29,80;réservé;" in text


# --- handing over ---------------------------------------------------------------------------


def test_a_helper_finds_who_comes_and_hands_over(helper_client, lot):
    mine = booked(lot, first_name="Zoé", last_name="Martin")
    assert "Zoé M." in helper_client.get("/comptoir/reservations/?q=zoe").content.decode()
    assert "Zoé M." not in helper_client.get("/comptoir/reservations/?q=paul").content.decode()
    address = reverse("counter-booking", args=[mine.pk])
    told = {"act": "hand", "token": uuid4()}
    refused = helper_client.post(address, told)
    assert refused.status_code == 422
    assert "pièce d’identité" in refused.content.decode()
    for _ in range(2):
        helper_client.post(address, {**told, "id_checked": "1"})
    assert Purchase.objects.get().amount_cents == 2980
    assert "Annuler, c’était une erreur" in helper_client.get(address).content.decode()
    helper_client.post(address, {"act": "back"})
    mine.refresh_from_db()
    assert mine.state == State.HELD


def test_the_owner_hands_over_from_the_list(owner_client, lot):
    mine = booked(lot)
    told = {"act": "hand", "token": uuid4(), "id_checked": "1", "liste": "1"}
    answer = owner_client.post(reverse("counter-booking", args=[mine.pk]), told)
    assert answer["Location"] == reverse("reservations", args=[lot.drop_id])
    page = owner_client.get(answer["Location"]).content.decode()
    assert "remis" in page
    assert "29,80" in page


def test_the_owner_takes_somebody_off(owner_client, lot):
    mine = booked(lot)
    told = {"act": "cancel", "liste": "1"}
    owner_client.post(reverse("counter-booking", args=[mine.pk]), told)
    mine.refresh_from_db()
    assert mine.state == State.CANCELLED


def test_a_helper_does_not_see_the_owner_s_list(helper_client, lot):
    answer = helper_client.get(reverse("reservations", args=[lot.drop_id]))
    assert answer.status_code in {302, 403}
