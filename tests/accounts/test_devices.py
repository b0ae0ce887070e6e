"""The shop's own phone: paired once by a code, and a stranger the moment it is taken away."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts import devices
from apps.accounts.models import Device, Membership, Session
from apps.audit.models import Entry
from apps.core.roles import Role
from tests.accounts.phones import Phone, offered, paired, pin_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone(shop, owner):
    return paired(shop, owner)


def test_a_lead_shows_a_code_and_the_shops_phone_scans_it(owner_client, shop, run_jobs):
    asked = owner_client.post("/gestion/equipe/telephones/", {"name": "Près de la caisse"})
    page = owner_client.get(asked["Location"]).content.decode()
    made = Device.objects.get()
    assert f"{made.code[:4]} {made.code[4:]}" in page
    assert "data:image/svg+xml" in page
    phone = Phone(shop)
    read = phone.get(f"/comptoir/relier/?code={made.code}").content.decode()
    assert made.code in read
    assert Device.objects.get().paired_at is None, "reading a page pairs nothing"
    arrived = phone.pair(made.code.lower())
    assert arrived["Location"] == "/comptoir/qui/"
    assert "Qui est là" in phone.get("/comptoir/qui/").content.decode()
    assert "Relié" in owner_client.get(asked["Location"]).content.decode()
    assert "Près de la caisse" in owner_client.get("/gestion/equipe/").content.decode()
    run_jobs()
    connection.set_tenant(shop)
    told = Entry.objects.get(verb="device.pair")
    assert (told.actor_id, told.object_id) == (made.offered_by_id, made.number)


def test_only_the_hash_of_what_the_phone_keeps_is_stored(phone):
    cookie = phone.cookies[devices.COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] > 300 * 24 * 3600
    stored = Device.objects.values().get()
    assert cookie.value not in str(stored)
    assert stored["code"] == ""


def test_a_code_pairs_one_phone(shop, owner):
    code = offered(owner).code
    assert Phone(shop).pair(code).status_code == 302
    late = Phone(shop).pair(code)
    assert late.status_code == 410
    assert "a déjà servi" in late.content.decode()
    assert devices.COOKIE not in late.cookies


@pytest.mark.parametrize("typed", ["-", " ", "", "ZZZZ2345"])
def test_what_is_no_code_pairs_nothing(shop, phone, typed):
    assert Phone(shop).pair(typed).status_code in (200, 410)
    assert Device.objects.count() == 1


def test_a_code_is_good_for_ten_minutes(shop, owner):
    made = offered(owner)
    Device.objects.update(code_ends_at=timezone.now() - timedelta(seconds=1))
    assert Phone(shop).pair(made.code).status_code == 410
    offered(owner, "Un autre")
    assert [one.name for one in Device.objects.all()] == ["Un autre"], "nobody took the first"


def test_a_code_opens_its_own_shop_alone(shop, other_shop, owner):
    code = offered(owner).code
    assert Phone(other_shop).pair(code).status_code == 410
    connection.set_tenant(shop)
    assert Device.objects.get().paired_at is None


def test_guessing_codes_is_cut_short(shop, owner):
    offered(owner)
    guesser = Phone(shop)
    answers = [guesser.pair(f"AAAA222{n % 10}").status_code for n in range(12)]
    assert answers == [410] * 10 + [429] * 2


def test_pairing_ends_whatever_was_signed_in_in_that_browser(shop, owner):
    phone = Phone(shop)
    phone.enter(owner)
    assert phone.get("/gestion/").status_code == 200
    phone.pair(offered(owner).code)
    assert phone.get("/gestion/equipe/").status_code == 302


def test_a_paired_phone_asks_who_is_there_and_goes_on_where_one_was(phone, helper):
    pin = pin_of(helper)
    asked = phone.get("/comptoir/ajouter/?tel=0612")
    assert asked["Location"].startswith("/comptoir/qui/?vers=")
    names = phone.get(asked["Location"]).content.decode()
    assert helper.get_short_name() in names
    assert helper.email not in names
    entered = phone.type(pin, to="/comptoir/ajouter/?tel=0612")
    assert entered["Location"] == "/comptoir/ajouter/?tel=0612"
    assert phone.get(entered["Location"]).status_code == 200


@pytest.mark.parametrize("away", ["/gestion/equipe/", "https://pirate.example/", "//p.example/"])
def test_it_leads_on_to_the_counter_alone(phone, helper, away):
    assert phone.type(pin_of(helper), to=away)["Location"] == "/comptoir/"


def test_taken_away_it_is_a_stranger_at_its_next_request(phone, helper, owner_client, run_jobs):
    phone.type(pin_of(helper))
    assert phone.get("/comptoir/").status_code == 200
    number = Device.objects.get().number
    owner_client.post(f"/gestion/equipe/telephones/{number}/retirer/")
    assert not Session.objects.filter(device=number).exists()
    out = phone.get("/comptoir/", follow=True)
    assert out.request["PATH_INFO"] == "/comptoir/relier/"
    assert "n’est plus relié" in out.content.decode()
    assert phone.type(pin_of(helper))["Location"] == "/comptoir/relier/"
    assert "Renommer" not in owner_client.get("/gestion/equipe/").content.decode()
    again = owner_client.post(f"/gestion/equipe/telephones/{number}/retirer/")
    assert again.status_code == 410
    run_jobs()
    connection.set_tenant(phone.shop)
    assert Entry.objects.filter(verb="device.revoke", object_id=number).count() == 1


def test_a_helper_pairs_and_takes_away_nothing(helper_client, owner):
    number = offered(owner).number
    for path in ("", f"{number}/", f"{number}/retirer/"):
        answer = helper_client.post(f"/gestion/equipe/telephones/{path}", {"name": "x"})
        assert answer.status_code == 403


def test_its_name_can_be_changed_and_must_not_be_empty(owner_client, owner):
    path = f"/gestion/equipe/telephones/{offered(owner).number}/"
    assert owner_client.post(path, {"name": ""}).status_code == 422
    owner_client.post(path, {"name": "Cave du bas"})
    assert Device.objects.get().name == "Cave du bas"


def test_each_phone_has_a_number_that_no_other_gets(shop, owner):
    first, second = offered(owner), offered(owner)
    Phone(shop).pair(second.code)
    devices.revoke(by=Membership.objects.get(user=owner), number=second.number, now=timezone.now())
    assert [first.number, second.number, offered(owner).number] == [1, 2, 3]


def test_the_database_keeps_no_key_of_a_phone_that_was_taken_away(phone):
    with pytest.raises(IntegrityError), transaction.atomic():
        Device.objects.update(revoked_at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Device.objects.update(code="ABCD2345")


def test_the_teams_page_costs_the_same_for_ten_phones(owner_client, owner, member):
    def statements() -> int:
        with CaptureQueriesContext(connection) as heard:
            assert owner_client.get("/gestion/equipe/").status_code == 200
        return len(heard)

    offered(owner)
    pin_of(member(Role.HELPER))
    few = statements()
    for _ in range(9):
        offered(owner)
        pin_of(member(Role.HELPER))
    assert statements() == few
