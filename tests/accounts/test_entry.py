"""From the platform's sign-in to a shop's host, once and only for this browser."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.core import signing
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.accounts import handover
from apps.accounts.models import Membership, Session, SpentHandover
from apps.core.tenancy import across_shops, in_schema
from apps.shops.models import Domain
from tests.conftest import ShopClient
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed(platform_client, owner):
    """The owner, signed in on the platform's host."""
    return sign_in(platform_client, owner)


def sign_in(platform, user):
    connection.set_schema_to_public()  # a session belongs to the host it is opened on
    platform.force_login(user)
    return platform


def fetch_word(browser, platform, path="/entree/?vers=/gestion/equipe/"):
    """Walk from the shop's host to the platform; returns the address of arrival."""
    away = browser.get(path)
    assert away.status_code == 302
    parts = urlsplit(away["Location"])
    assert parts.netloc == "localhost:8000"
    return platform.get(f"{parts.path}?{parts.query}")


def arrival_path(response):
    parts = urlsplit(response["Location"])
    return f"{parts.path}?{parts.query}"


def test_signing_in_on_the_platform_carries_over_to_the_shop(visitor, signed, owner):
    back = fetch_word(visitor, signed)
    assert urlsplit(back["Location"]).netloc == "cave.localhost:8000"
    arrived = visitor.get(arrival_path(back))
    assert arrived["Location"] == "/gestion/equipe/"
    page = visitor.get("/gestion/equipe/")
    assert page.status_code == 200
    assert Session.objects.filter(user_id=owner.pk, schema=visitor.shop.schema_name).exists()


def test_a_word_works_once(visitor, signed):
    path = arrival_path(fetch_word(visitor, signed))
    visitor.get(path)
    visitor.get("/entree/", {"vers": "/"})
    again = visitor.get(path)
    assert again.status_code == 403
    assert "a déjà servi" in again.content.decode()


def test_a_word_read_in_another_browser_opens_nothing(visitor, signed, shop):
    path = arrival_path(fetch_word(visitor, signed))
    thief = ShopClient(shop)
    thief.get("/entree/")
    assert thief.get(path).status_code == 403
    assert visitor.get(path).status_code == 302, "the true browser's word is not spent by it"


def test_a_word_of_another_shop_opens_nothing(visitor, signed, other_shop, owner):
    with in_schema(other_shop.schema_name):
        Membership.objects.create(shop=other_shop, user=owner, role="manager")
    path = arrival_path(fetch_word(visitor, signed))
    cafe = ShopClient(other_shop)
    cafe.cookies["entree"] = visitor.cookies["entree"].value
    assert cafe.get(path).status_code == 403


def test_an_altered_or_late_word_opens_nothing(visitor, signed, monkeypatch):
    path = arrival_path(fetch_word(visitor, signed))
    assert visitor.get(path[:-3] + "abc").status_code == 403
    monkeypatch.setattr(handover, "SECONDS", -1)
    assert visitor.get(path).status_code == 403


def test_a_person_without_membership_gets_no_word(visitor, platform_client):
    sign_in(platform_client, UserFactory())
    assert fetch_word(visitor, platform_client).status_code == 403


def test_a_member_put_out_between_word_and_arrival_stays_out(visitor, signed, owner):
    path = arrival_path(fetch_word(visitor, signed))
    with in_schema(visitor.shop.schema_name):
        Membership.objects.filter(user=owner).delete()
    assert visitor.get(path).status_code == 403


def test_an_own_domain_is_entered_by_a_page_and_only_when_proven(signed, shop):
    with in_schema(shop.schema_name):
        domain = Domain.objects.create(domain="www.cave.example", tenant=shop, is_primary=False)
    query = {"etat": "x" * 32, "vers": "/", "hote": "www.cave.example"}
    assert signed.get("/boutiques/cave/entrer/", query).status_code == 404
    domain.verified_at = timezone.now()
    with in_schema(shop.schema_name):
        domain.save()
    page = signed.get("/boutiques/cave/entrer/", query)
    assert page.status_code == 200
    assert 'http-equiv="refresh"' in page.content.decode()
    assert "http://www.cave.example:8000/entree/arrivee/?jeton=" in page.content.decode()


def test_a_word_goes_to_no_foreign_host(signed, shop):
    query = {"etat": "x" * 32, "hote": "pirate.example"}
    assert signed.get("/boutiques/cave/entrer/", query).status_code == 404


def test_nobody_is_sent_outside_on_arrival(visitor, signed):
    back = fetch_word(visitor, signed, "/entree/?vers=//pirate.example/")
    assert visitor.get(arrival_path(back))["Location"] == "/gestion/"


def test_a_helper_arrives_at_the_counter(visitor, platform_client, helper):
    sign_in(platform_client, helper)
    back = fetch_word(visitor, platform_client, "/entree/")
    assert visitor.get(arrival_path(back))["Location"] == "/comptoir/"


def test_signing_out_ends_this_hosts_session(owner_client, owner):
    assert owner_client.get("/gestion/equipe/").status_code == 200
    assert owner_client.post("/sortie/").status_code == 200
    assert owner_client.get("/gestion/equipe/").status_code == 302


def test_signing_out_everywhere_ends_every_session(owner_client, signed, owner, shop):
    other_phone = ShopClient(shop).enter(owner)
    signed.get("/boutiques/")
    assert owner_client.post("/sortie/partout/").status_code == 200
    assert other_phone.get("/gestion/equipe/").status_code == 302
    assert signed.get("/boutiques/").status_code == 302
    with across_shops():
        assert not Session.objects.filter(user_id=owner.pk).exists()


def test_a_session_of_one_shop_says_nothing_in_another(owner_client, other_shop, owner):
    with in_schema(other_shop.schema_name):
        Membership.objects.create(shop=other_shop, user=owner, role="manager")
    cafe = ShopClient(other_shop)
    cafe.cookies["sessionid"] = owner_client.cookies["sessionid"].value
    assert cafe.get("/gestion/equipe/").status_code == 302


def test_a_removed_member_is_out_at_the_next_request(owner_client, owner):
    Membership.objects.filter(user=owner).delete()
    assert owner_client.get("/gestion/equipe/").status_code == 403


def test_a_deactivated_person_is_out_at_the_next_request(owner_client, owner):
    owner.is_active = False
    owner.save()
    assert owner_client.get("/gestion/equipe/").status_code == 302


def test_a_new_password_ends_the_other_sessions(owner_client, owner):
    owner.set_password("un tout nouveau mot de passe")
    owner.save()
    assert owner_client.get("/gestion/equipe/").status_code == 302


def test_cookies_belong_to_their_host_alone(owner_client):
    owner_client.get("/gestion/equipe/")
    owner_client.post("/apparence/", {"theme": "dark"})
    morsel = owner_client.cookies["theme"]
    assert not morsel["domain"]
    assert morsel["httponly"]
    assert morsel["samesite"] == "Lax"


def test_spent_words_are_forgotten_after_a_day(db):
    SpentHandover.objects.create(
        nonce="vieux", spent_at=timezone.now() - timezone.timedelta(days=2)
    )
    SpentHandover.objects.create(nonce="jeune")
    handover.forget_spent()
    assert list(SpentHandover.objects.values_list("nonce", flat=True)) == ["jeune"]


def test_the_address_of_entry_shows_only_a_hash_of_the_state(visitor):
    away = visitor.get("/entree/")
    seen = parse_qs(urlsplit(away["Location"]).query)["etat"][0]
    state = visitor.cookies["entree"].value
    assert seen == handover.state_hash(state)
    assert state not in away["Location"]
    assert signing.dumps({}) != seen


def test_mails_are_written_and_a_new_person_comes_to_name_a_shop(
    platform_client, run_jobs, mailoutbox
):
    answer = platform_client.post(
        "/inscription/",
        {"name": "Camille Roy", "email": "camille@exemple.fr", "password1": "une cave bien tenue"},
    )
    assert answer["Location"] == "/adresse/verifier/"
    run_jobs()
    (mail,) = mailoutbox
    link = re.search(r"http://localhost:8000(/adresse/verifier/\S+/)", mail.body)[1]
    html = mail.alternatives[0].content
    assert f'href="http://localhost:8000{link}"' in html
    assert "Confirmer mon adresse</a>" in html
    assert platform_client.get(link).status_code == 200
    assert not EmailAddress.objects.get(email="camille@exemple.fr").verified, "GET proves nothing"
    confirmed = platform_client.post(link)
    assert confirmed["Location"] == "/boutiques/"
    page = platform_client.get("/boutiques/")
    assert "Votre boutique commence ici" in page.content.decode()


def test_the_answer_never_tells_whether_an_address_is_known(platform_client, owner):
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    answers = []
    for address in (owner.email, "inconnue@exemple.fr"):
        fresh = Client(SERVER_NAME="localhost", HTTP_HOST="localhost:8000")
        form = {"name": "X Y", "email": address, "password1": "une cave bien tenue"}
        signup = fresh.post("/inscription/", form)
        reset = fresh.post("/mot-de-passe/oublie/", {"email": address})
        answers.append(
            (signup.status_code, signup["Location"], reset.status_code, reset["Location"])
        )
    assert answers[0] == answers[1]
    wrong = [
        platform_client.post("/connexion/", {"login": a, "password": "faux"}).content.decode()
        for a in (owner.email, "personne@exemple.fr")
    ]
    strip = lambda page: re.sub(r'value="[^"]*"', "", page)  # noqa: E731
    assert strip(wrong[0]) == strip(wrong[1])
