"""The owner has the books kept elsewhere: gives access, watches, mends what is refused."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core.roles import Role
from apps.invoicing import access
from apps.invoicing.push_models import Bookkeeper, Delivery, Standing
from apps.shops import vault
from tests.conftest import ShopClient
from tests.invoicing.pushing import connect, granted, send, states
from tests.invoicing.test_pages import text
from tests.invoicing.writing import HOTEL, NOON, issued
from tests.peers.bookkeeping.lexware import KEY

PUSH = "/gestion/factures/comptabilite/envoi/"


def _typed(target, **more):
    return {f"{target}-since": "2026-01-01", **{f"{target}-{k}": v for k, v in more.items()}}


def test_nothing_is_connected_yet_and_the_page_says_what_it_would_do(owner_client, seller):
    page = text(owner_client.get(PUSH))
    assert "Lexware Office" in page
    assert "Pennylane" not in page  # this installation has no application there
    assert "Brancher un logiciel" in text(owner_client.get(reverse("books")))


def test_a_key_is_tried_kept_sealed_and_never_shown(owner_client, seller, lexware):
    issued()
    answer = owner_client.post(f"{PUSH}brancher/lexware/", _typed("lexware", key=KEY), follow=True)
    page = text(answer)
    assert "Lexware Office est branché sur les comptes de Cave du Marché." in page
    assert KEY not in page
    assert vault.tails(seller, "books:") == {"books:lexware": ""}
    send()
    page = text(owner_client.get(PUSH))
    assert "envoyé" in page
    assert "tout est parti" in page


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"key": "trop-courte"}, "Cette clé est trop courte"),
        ({"key": "lxw-0123456789…abcdef"}, "Une clé n’a ni espace ni accent"),
        ({"key": "lxw-0123456789\r\nHost: x"}, "Une clé n’a ni espace ni accent"),
        ({"key": "x" * 30}, "ne reconnaît pas cet accès"),
        ({"key": KEY, "since": "2126-01-01"}, "Choisissez un jour passé"),
    ],
)
def test_a_slip_is_named_and_nothing_is_connected(owner_client, seller, lexware, typed, sentence):
    answer = owner_client.post(f"{PUSH}brancher/lexware/", _typed("lexware", **typed))
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert not Bookkeeper.objects.exists()


def test_a_program_that_is_down_is_said_to_be(owner_client, seller, lexware):
    lexware.fail("GET /v1/profile", 502)
    answer = owner_client.post(f"{PUSH}brancher/lexware/", _typed("lexware", key=KEY))
    assert answer.status_code == 503
    assert "Lexware Office ne répond pas. Rien n’a changé" in text(answer)


# --- the grant ---------------------------------------------------------------------------------


def _begin(client):
    answer = client.post(f"{PUSH}brancher/pennylane/", _typed("pennylane"))
    assert answer.status_code == 302
    return answer["Location"]


def _come_back(platform_client, address):
    """As a browser does: the platform's host, then the shop's."""
    answer = platform_client.get(urlsplit(address)._replace(scheme="", netloc="").geturl())
    assert answer.status_code == 302
    return urlsplit(answer["Location"])._replace(scheme="", netloc="").geturl()


def test_the_owner_says_yes_over_there_and_is_back_connected(
    owner_client, platform_client, seller, pennylane
):
    issued()
    back = _come_back(platform_client, pennylane.grant(_begin(owner_client)))
    page = text(owner_client.get(back, follow=True))
    assert "Pennylane est branché sur les comptes de Cave du Marché." in page
    send()
    assert set(states().values()) == {"sent"}
    again = text(owner_client.get(back, follow=True))
    assert "Ce passage a expiré ou a déjà servi" in again


def test_a_return_that_somebody_else_began_connects_nothing(
    owner_client, owner, platform_client, seller, pennylane
):
    _begin(owner_client)
    other = ShopClient(seller).enter(owner)  # another browser
    back = _come_back(platform_client, pennylane.grant(_begin(other)))
    assert "Ce passage a expiré" in text(owner_client.get(back, follow=True))
    assert not Bookkeeper.objects.exists()


def test_a_forged_state_leads_nowhere(platform_client, db):
    assert platform_client.get("/comptabilite/pennylane/?state=forge&code=x").status_code == 404


def test_without_the_word_that_began_it_a_code_is_worth_nothing(seller, pennylane):
    pennylane.codes["volee"] = access.challenge("le mot d’un autre")
    with pytest.raises(access.ShutOut):
        access.traded("volee", access.new_verifier())


def test_who_says_no_is_not_connected(owner_client, platform_client, seller, pennylane):
    address = pennylane.grant(_begin(owner_client))
    no = re.sub(r"code=[^&]+", "error=access_denied", address)
    page = text(owner_client.get(_come_back(platform_client, no), follow=True))
    assert "Vous n’avez pas donné l’accès" in page


def test_a_token_that_ended_is_renewed_once_and_the_new_pair_is_kept(seller, pennylane):
    issued()
    connect("pennylane", granted(pennylane))
    pennylane.tokens.clear()  # ended before its time
    send()
    assert set(states().values()) == {"sent"}
    assert len(pennylane.posts("/oauth/token")) == 1
    kept = access.kept(seller, "pennylane")
    assert {kept.access} == pennylane.tokens
    assert {kept.refresh} == pennylane.refresh


def test_an_access_taken_away_over_there_is_told_and_given_anew(
    owner_client, platform_client, seller, pennylane
):
    issued()
    connect("pennylane", granted(pennylane))
    pennylane.withdraw()
    send()
    page = text(owner_client.get(PUSH))
    assert "Pennylane ne nous laisse plus entrer." in page
    assert "1 pièce attend ici" in page
    back = _come_back(platform_client, pennylane.grant(_begin(owner_client)))
    owner_client.get(back)
    send()
    assert set(states().values()) == {"sent"}


def test_leaving_gives_the_access_back_and_forgets_the_keys(owner_client, seller, pennylane):
    connect("pennylane", granted(pennylane))
    page = text(owner_client.post(f"{PUSH}debrancher/", follow=True))
    assert "les clés sont effacées" in page
    assert pennylane.refresh == set()
    assert access.kept(seller, "pennylane") is None


# --- what is sent, what is refused ---------------------------------------------------------------


def test_a_refusal_is_read_and_sent_again_from_the_page(owner_client, seller, lexware):
    bill = issued(buyer=HOTEL)
    connect("lexware")
    issue = {"i18nKey": "invalid_value", "source": "dueDate", "type": "validation_failure"}
    lexware.fail("POST /v1/vouchers", 406, {"IssueList": [issue]})
    send()
    page = text(owner_client.get(f"{PUSH}?etat=refusees"))
    assert "Lexware ne prend pas : l’échéance." in page
    assert bill.number in page
    assert "hx-trigger" not in page  # nothing more moves by itself
    refused = Delivery.objects.get(reference=bill.number)
    owner_client.post(f"{PUSH}renvoyer/", {"piece": refused.pk})
    send()
    assert "Rien dans cet état" in text(owner_client.get(f"{PUSH}?etat=refusees"))


def test_pausing_and_going_on_are_one_tap(owner_client, seller, lexware):
    connect("lexware")
    owner_client.post(f"{PUSH}pause/")
    assert Bookkeeper.objects.get().standing == Standing.PAUSED
    assert "Reprendre l’envoi" in text(owner_client.get(PUSH))
    owner_client.post(f"{PUSH}reprendre/")
    assert Bookkeeper.objects.get().standing == Standing.ACTIVE


def test_a_manager_reads_and_mends_but_does_not_connect(seller, member, lexware):
    manager = ShopClient(seller).enter(member(Role.MANAGER))
    page = text(manager.get(PUSH))
    assert "La personne propriétaire branche le logiciel" in page
    assert manager.post(f"{PUSH}brancher/lexware/", _typed("lexware", key=KEY)).status_code == 403


def test_the_page_asks_no_more_for_fifty_pieces_than_for_two(owner_client, seller, lexware):
    def asked():
        cache.clear()
        with CaptureQueriesContext(connection) as told:
            assert owner_client.get(PUSH).status_code == 200
        return len(told)

    issued()
    connect("lexware")
    send()
    few = asked()
    for turn in range(20):
        issued(at=NOON + timedelta(minutes=turn))
    send(NOON + timedelta(hours=1))
    assert Delivery.objects.count() == 22
    assert asked() == few


def test_the_demonstration_s_folder_shows_what_came(owner_client, seller, settings, tmp_path):
    settings.LOCAL_BOOKS = tmp_path
    bill = issued()
    connect("local", access.Tokens(""))
    send(bill.record.at)
    delivery = Delivery.objects.get(reference=bill.number)
    page = text(owner_client.get(f"{PUSH}pieces/{delivery.pk}/"))
    assert bill.number in page
    assert "&quot;total_cents&quot;: 1200" in page
