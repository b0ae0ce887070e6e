"""A link shared from the card, what it offers, whom it remembers, and what the owner reads."""

import re
from datetime import timedelta
from http.cookies import SimpleCookie
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.utils import timezone

from apps.contacts.models import Source
from apps.core.tenancy import in_schema
from apps.loyalty import referring
from apps.loyalty.first_touch import COOKIE, Memory, Touch, code_of, number_in, remember
from apps.loyalty.models import Card, Programme
from apps.loyalty.referral_models import Referral, ReferralState
from apps.review.models import Case
from tests.conftest import ShopClient
from tests.loyalty.brought import balances, brings, customer, rule, visits

PAGE = "/gestion/fidelite/parrainage/"


def plain(answer):
    page = answer.content.decode().replace("\u202f", " ").replace("\u00a0", " ")
    return " ".join(re.sub("<[^>]+>", " ", page).split())


def link_of(card):
    return f"/p/{code_of(card.number)}/"


def joins(visitor, **typed):
    """The form of the page that is open, filled in and sent."""
    start = {"key": str(uuid4()), "first_name": "Inès", "phone": "06 12 34 56 79", "adult": "on"}
    answer = visitor.post("/rejoindre/", {**start, **typed})
    assert answer.status_code == 302
    return Card.objects.get(token=answer["Location"].split("/")[2])


def brought_by(card):
    found = Referral.objects.filter(friend=card).first()
    return found and found.sponsor


# --- the customer's side ------------------------------------------------------------------


def test_the_card_leads_to_ones_own_link_and_its_code(visitor, shop):
    rule()
    card = customer(first_name="Camille")
    page = visitor.get(f"/c/{card.token}/")
    assert "Parrainez un ami" in plain(page)
    assert f'href="/c/{card.token}/parrainer/"' in page.content.decode()
    page = visitor.get(f"/c/{card.token}/parrainer/")
    assert f'value="{shop.url}{link_of(card)}"' in page.content.decode()
    assert "2 tampons pour vous, 1 tampon pour votre ami" in plain(page)
    assert 'class="qrline"' in page.content.decode()
    assert (page["Cache-Control"], page["X-Robots-Tag"]) == ("no-store", "noindex, nofollow")


def test_a_shop_that_offers_nothing_shows_nothing(visitor, shop):
    rule(referral=False)
    card = customer()
    assert "Parrainez" not in plain(visitor.get(f"/c/{card.token}/"))
    assert visitor.get(f"/c/{card.token}/parrainer/")["Location"] == f"/c/{card.token}/"
    assert "Offert par" not in plain(visitor.get(link_of(card)))
    assert COOKIE not in visitor.cookies


def test_the_card_says_how_many_friends_came_and_not_who(visitor, shop):
    rule()
    card = customer(first_name="Camille")
    came = brings(shop, card)
    brings(shop, card)
    visits(came.friend)
    page = plain(visitor.get(f"/c/{card.token}/parrainer/"))
    assert "1 ami est venu grâce à vous" in page
    assert "2 ont pris la carte." in page
    assert "Inès" not in page


def test_a_link_says_a_first_name_and_no_more(visitor, shop):
    rule()
    card = customer(first_name="Camille", last_name="Bernard-Dupuis", email="camille@exemple.fr")
    answer = visitor.get(link_of(card))
    page = plain(answer)
    assert "Offert par Camille : 1 tampon" in page
    for secret in ("Bernard", "exemple.fr", card.contact.phone, card.token, str(card.number)):
        assert secret not in page
    assert answer["X-Robots-Tag"] == "noindex, nofollow"


def test_a_link_that_this_shop_did_not_make_leads_to_the_plain_page(visitor, shop, other_shop):
    rule()
    card = customer()
    with in_schema(other_shop.schema_name):
        theirs = code_of(card.number)
    for code in (theirs, code_of(card.number)[:-1] + "0z", "x", "é-1", "1" * 40):
        assert number_in(code) is None
        assert visitor.get(f"/p/{code}/")["Location"] == "/"
    assert COOKIE not in visitor.cookies


def test_who_follows_a_link_and_joins_is_brought_and_has_the_same_rules(visitor, shop):
    rule()
    card = customer()
    visitor.get(link_of(card))
    answer = visitor.post("/rejoindre/", {"key": str(uuid4()), "first_name": "I", "phone": "06"})
    assert answer.status_code == 422
    assert "Offert par" in plain(answer)
    friend = joins(visitor)
    assert brought_by(friend) == card
    assert friend.contact.source == Source.FRIEND
    assert (friend.contact.sms_consent, friend.contact.adult_declared_at is None) == ("none", False)


def test_without_cookies_the_form_knows_the_link(shop):
    rule()
    card = customer()
    page = ShopClient(shop).get(link_of(card)).content.decode()
    code = re.search(r'name="friend" value="([^"]+)"', page)[1]
    assert brought_by(joins(ShopClient(shop), friend=code)) == card


def test_the_first_link_followed_counts_and_for_sixty_days(shop):
    rule()
    first, second = customer(first_name="Camille"), customer(first_name="Benoît")
    visitor = ShopClient(shop)
    visitor.get(link_of(first))
    assert "Offert par Camille" in plain(visitor.get(link_of(second)))
    assert "Offert par Camille" in plain(visitor.get("/?via=poster"))
    assert brought_by(joins(visitor)) == first
    for days, sponsor in ((59, first), (61, second)):
        visitor = ShopClient(shop)
        visitor.cookies = followed(first, timezone.now() - timedelta(days=days))
        visitor.get(link_of(second))
        assert brought_by(joins(visitor, phone=f"06 12 34 57 {days}")) == sponsor


def followed(card, at):
    """The cookie of a browser that followed the card's link then."""
    answer = HttpResponse()
    remember(answer, Memory(Touch(card.number, at)))
    return SimpleCookie({COOKIE: answer.cookies[COOKIE].value})


def test_a_cookie_that_we_did_not_sign_says_nothing(visitor, shop, other_shop):
    rule()
    card = customer()
    with in_schema(other_shop.schema_name):
        visitor.cookies = followed(card, timezone.now())
    assert "Offert par" not in plain(visitor.get("/"))
    visitor.cookies = SimpleCookie({COOKIE: "eyJieSI6MX0:x:y"})
    assert "Offert par" not in plain(visitor.get("/"))


def test_the_cookie_is_set_for_who_asked_for_it_and_out_of_scripts_reach(visitor, shop):
    rule()
    card = customer()
    for path in ("/", f"/c/{card.token}/"):
        visitor.get(path)
        assert COOKIE not in visitor.cookies
    joins(visitor)
    assert COOKIE not in visitor.cookies
    visitor.get(link_of(card))
    kept = visitor.cookies[COOKIE]
    assert kept["httponly"]
    assert (kept["samesite"], kept["max-age"]) == ("Lax", 60 * 24 * 3600)


@pytest.mark.parametrize("own", ["parrainer/", None])
def test_a_browser_that_holds_a_card_already_is_listed(visitor, shop, own):
    """It opened its own link; or it has brought one friend before."""
    rule()
    card = customer()
    if own:
        visitor.get(f"/c/{card.token}/{own}")
    visitor.get(link_of(card))
    if not own:
        joins(visitor)
    assert not Case.objects.exists()
    joins(visitor, phone="06 12 34 56 80")
    assert Referral.objects.latest("pk").state == ReferralState.DOUBTED
    assert Case.objects.get().kind == referring.LISTED


# --- the owner's side ---------------------------------------------------------------------


def test_the_owner_sets_what_each_one_gets(owner_client, shop):
    rule(referral=False)
    typed = {
        "kind": "stamps",
        "goal": 9,
        "reward": "Un café",
        "cooldown_minutes": 0,
        "helper_hourly_limit": 60,
        "referral": "on",
        "sponsor_gets": 3,
        "friend_gets": "",
    }
    answer = owner_client.post("/gestion/fidelite/", typed)
    assert "Il faut un cadeau pour chacun." in plain(answer)
    assert owner_client.post("/gestion/fidelite/", {**typed, "friend_gets": 2}).status_code == 302
    kept = Programme.objects.get()
    assert (kept.referral, kept.sponsor_gets, kept.friend_gets) == (True, 3, 2)


def test_gifts_of_euros_are_kept_in_cents(owner_client, shop):
    rule(kind="euros", goal=100_00)
    typed = {"kind": "euros", "goal": 100, "reward": "Un bon", "cooldown_minutes": 0}
    typed |= {"helper_hourly_limit": 60, "referral": "on", "sponsor_gets": 10, "friend_gets": 5}
    owner_client.post("/gestion/fidelite/", typed)
    assert Programme.objects.get().promise.sponsor_told == "10\u00a0€"


def test_the_page_teaches_while_nobody_was_brought(owner_client, shop):
    rule(referral=False)
    assert "Proposer le parrainage" in plain(owner_client.get(PAGE))
    Programme.objects.update(referral=True)
    assert "Personne n’a encore parrainé" in plain(owner_client.get(PAGE))


def test_the_owner_reads_who_brought_whom_and_what_it_gave(
    owner_client, shop, django_assert_max_num_queries
):
    rule()
    sponsors = [customer(first_name=name, last_name="") for name in ("Camille", "Benoît")]
    for sponsor in sponsors * 3:
        referral = brings(shop, sponsor)
    visits(referral.friend, cents=40_00)
    with django_assert_max_num_queries(12):
        page = plain(owner_client.get(PAGE))
    assert "Ont pris la carte 6 Sont venus 1" in page
    assert "Achats notés de ces amis 40 €" in page
    assert "Donné aux uns et aux autres 3 tampons" in page
    assert page.count("Camille") == page.count("Benoît") == 3
    assert "Récompensé" in page


def test_what_is_in_doubt_is_granted_or_set_aside_in_the_list(owner_client, shop):
    rule()
    sponsor = customer(first_name="Camille")
    one, other = (brings(shop, sponsor, held=(1,)) for _turn in range(2))
    visits(one.friend)
    assert "2 parrainages attendent votre avis" in plain(owner_client.get(PAGE))
    page = plain(owner_client.get("/gestion/fidelite/a-verifier/?genre=referral"))
    assert f"par le lien de la carte n° {sponsor.number}" in page
    assert "sur un appareil qui en porte déjà une" in page
    for button in ("Accorder", "Écarter"):
        assert button in page
    for referral, act, state in ((one, "normal", "given"), (other, "annuler", "refused")):
        case = Case.objects.get(key=str(referral.pk))
        path = f"/gestion/fidelite/a-verifier/{case.pk}/"
        for _twice in range(2):
            assert owner_client.post(path, {"acte": act}).status_code == 302
        assert Referral.objects.get(pk=referral.pk).state == state
    assert balances(sponsor, one.friend, other.friend) == (2, 2, 0)
    decided = plain(owner_client.get("/gestion/fidelite/a-verifier/?etat=vu"))
    assert "Accordé" in decided
    assert "Écarté" in decided
    assert "C’est normal" not in decided


def test_all_of_it_leaves_as_a_table(owner_client, shop):
    rule()
    sponsor = customer(first_name="Camille", last_name="Bernard")
    visits(brings(shop, sponsor).friend, cents=12_50)
    answer = owner_client.get(f"{PAGE}liste.csv")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(f"Camille Bernard;{sponsor.number};Inès;")
    assert lines[1].endswith(";2 tampons;1 tampon;12,50")


def test_a_helper_and_a_neighbour_do_not_read_it(helper_client, neighbour_client, shop):
    for client in (helper_client, neighbour_client):
        assert client.get(PAGE).status_code == 403
        assert client.get(f"{PAGE}liste.csv").status_code == 403
