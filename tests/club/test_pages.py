"""The club's pages, from the street and from the office."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.club import showing
from apps.club.member_models import Leaving
from apps.club.models import ClubPlan, Member, MemberEvent, State
from apps.messaging.models import Message

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seller")]
PLAN = {
    "name": "Grands crus",
    "price_cents": "59,90",
    "every": "3",
    "bottles": "6",
    "chosen_by": "customer",
    "vat": "2000",
    "places": "12",
    "colours": ["rouge", "blanc"],
    "is_giftable": "on",
}


def a_form(**more):
    said = {
        "key": str(uuid4()),
        "first_name": "Camille",
        "last_name": "Martin",
        "email": "camille@exemple.fr",
        "street": "3 rue des Clercs",
        "postal_code": "57000",
        "city": "Metz",
        "handover": "pickup",
        "adult": "on",
    }
    return {**said, **more}


def test_from_the_street_to_stripes_page_and_back(make_plan, visitor, account, stripe):
    plan = make_plan()
    assert "Découverte" in visitor.get("/club/").text
    page = visitor.get(f"/club/{plan.pk}/").text
    order = page.index("Commander avec obligation de paiement")
    for said in ("32,00", "TVA comprise", "Livraison", "sans engagement", "14 jours"):
        assert said in page[:order].replace("\xa0", " "), said
    assert "interdite aux mineurs" in page
    answer = visitor.post(f"/club/{plan.pk}/", a_form())
    assert answer.status_code == 302
    back = stripe.pay(answer["Location"])
    thanks = visitor.get(back.removeprefix(visitor.shop.url)).text
    assert "Bienvenue au club, Camille" in thanks


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"email": "camille"}, "n’est pas complet"),
        ({"postal_code": "5700"}, "cinq chiffres"),
        ({"adult": ""}, "18 ans"),
        ({"phone": "12"}, "n’est pas un numéro"),
        ({"site": "x"}, "n’a pas pu être lu"),
    ],
)
def test_a_slip_is_said_beside_its_field_and_nobody_joins(make_plan, visitor, account, typed, said):
    plan = make_plan()
    answer = visitor.post(f"/club/{plan.pk}/", a_form(**typed))
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="Camille"' in answer.text
    assert not Member.objects.exists()


def test_without_an_account_that_takes_cards_there_is_no_public_page(
    make_plan, visitor, owner_client, stripe
):
    plan = make_plan()
    assert visitor.get("/club/").status_code == 404
    assert visitor.get(f"/club/{plan.pk}/").status_code == 404
    assert visitor.post(f"/club/{plan.pk}/", a_form()).status_code == 404
    assert "compte d’encaissement n’est pas terminé" in owner_client.get("/gestion/club/").text


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ("0", "au-dessus de zéro"),
        ("-5", "n’est pas possible"),
        ("12,345", "Écrivez le montant"),
        ("30 $", "encaisse en euros"),
        ("30 USD", "encaisse en euros"),
        ("", "obligatoire"),
    ],
)
def test_a_price_that_is_none_is_refused_in_french(owner_client, price, said):
    answer = owner_client.post("/gestion/club/formules/nouvelle/", {**PLAN, "price_cents": price})
    assert answer.status_code == 422
    assert said in answer.text
    assert not ClubPlan.objects.exists()


def test_a_plan_is_made_changed_closed_and_opened_again(owner_client):
    owner_client.post("/gestion/club/formules/nouvelle/", PLAN)
    plan = ClubPlan.objects.get()
    assert (plan.price_cents, plan.every, plan.places, plan.colours) == (
        5990,
        3,
        12,
        ["rouge", "blanc"],
    )
    page = owner_client.get(f"/gestion/club/formules/{plan.pk}/").text
    assert 'value="59,90"' in page
    owner_client.post(f"/gestion/club/formules/{plan.pk}/", {**PLAN, "name": "Crus"})
    owner_client.post(f"/gestion/club/formules/{plan.pk}/ouvrir/", {"act": "close"})
    plan.refresh_from_db()
    assert (plan.name, plan.is_open) == ("Crus", False)
    owner_client.post(f"/gestion/club/formules/{plan.pk}/ouvrir/", {"act": "open"})
    plan.refresh_from_db()
    assert plan.is_open


def test_fewer_places_than_members_are_refused(owner_client, make_plan, join):
    plan = make_plan(places=2)
    join(plan, "camille")
    join(plan, "lea")
    answer = owner_client.post(f"/gestion/club/formules/{plan.pk}/", {**PLAN, "places": "1"})
    assert answer.status_code == 422
    assert "2 places sont prises" in answer.text


def test_a_helper_does_not_see_the_club(helper_client):
    assert helper_client.get("/gestion/club/").status_code == 403


def test_a_members_page_tells_what_happened(owner_client, make_plan, join):
    member = join(make_plan())
    page = owner_client.get(f"/gestion/club/membres/{member.pk}/").text
    for said in ("Camille Martin", "Inscription commencée", "Facture F", "3 rue des Clercs"):
        assert said in page


def test_who_asks_by_letter_is_let_go_by_the_shop_and_kept_when_it_was_a_mistake(
    owner_client, lea, stripe, told, run_jobs
):
    """The acknowledgement is the customer's all the same; typed twice it is one word."""
    page = f"/gestion/club/membres/{lea.pk}/"
    assert "Résilier à sa demande" in owner_client.get(page).text
    owner_client.post(f"{page}resilier/")
    owner_client.post(f"{page}resilier/")
    word = Leaving.objects.get()
    assert (word.email, word.name) == ("lea@exemple.fr", "Lea Martin")
    (receipt,) = Message.objects.filter(subject__contains="résiliation est enregistrée")
    assert receipt.to == "lea@exemple.fr"
    run_jobs()
    told()
    assert Member.objects.get().state == State.LEAVING
    assert MemberEvent.objects.get(kind="cancelled").actor_kind == "team"
    assert "Annuler la résiliation" in owner_client.get(page).text
    Member.objects.update(state=State.ENDED, ended_at=timezone.now())
    assert "Annuler la résiliation" not in owner_client.get(page).text, "nothing is left to keep"
    Member.objects.update(state=State.LEAVING, ended_at=None)
    owner_client.post(f"{page}garder/")
    run_jobs()
    told()
    assert Member.objects.get().state == State.ACTIVE
    assert "Résiliation annulée par la boutique" in owner_client.get(page).text
    answer = owner_client.post(f"{page}garder/", follow=True)
    assert "pas résilié" in answer.text


def count(client, address):
    showing.forget_known()
    with CaptureQueriesContext(connection) as heard:
        assert client.get(address).status_code == 200
    return len(heard)


def test_no_page_asks_more_for_more_members(owner_client, visitor, make_plan, account, a_wish):
    from apps.club.services import joining

    pages = ["/gestion/club/", "/gestion/club/membres/"]

    def fill(first, last):
        for n in range(first, last):
            member = joining.seat(a_wish(f"p{n}"), make_plan(), timezone.now())
            Member.objects.filter(pk=member.pk).update(state=State.ACTIVE)

    fill(0, 1)
    before = [count(owner_client, page) for page in pages] + [count(visitor, "/club/")]
    fill(1, 6)
    after = [count(owner_client, page) for page in pages] + [count(visitor, "/club/")]
    assert after == before
