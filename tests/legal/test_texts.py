"""The shop's legal texts: made from its settings, kept word for word, accepted by whom."""

import hashlib
import re
from datetime import timedelta
from io import BytesIO

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pypdf import PdfReader

from apps.audience.merging import merge_people
from apps.core.actor import Actor
from apps.invoicing.seal import digest
from apps.invoicing.services import the_terms
from apps.legal import queries
from apps.legal.models import Acceptance, Kind, Version
from apps.legal.reading import blocks, changes
from apps.legal.services import (
    FactMissing,
    NotInForce,
    TextMoved,
    accept,
    agree,
    change_sale_terms,
    publish,
)
from apps.legal.wording import write
from apps.shops.models import Shop
from apps.shops.services import shop_here
from tests.factories import ContactFactory
from tests.invoicing.writing import NOON, OWNER

AT = "/gestion/reglages/textes/"


def plain(answer):
    return re.sub(r"\s+", " ", answer.content.decode().replace("\u202f", " ").replace("\xa0", " "))


def today(kind):
    """The hash of what the owner would read."""
    return digest(
        write(kind, Shop.objects.get(pk=shop_here().pk), the_terms(), queries.sale_terms())
    )


def put(kind, at=NOON, **said):
    change_sale_terms(said, by=OWNER)
    return publish(kind, read=today(kind), by=OWNER, now=at)


def test_a_text_waits_for_what_the_law_wants_said(shop):
    with pytest.raises(FactMissing) as refused:
        publish(Kind.SALES, read=today(Kind.SALES), by=OWNER, now=NOON)
    assert "raison sociale" in str(refused.value)
    assert not Version.objects.exists()


def test_what_is_published_is_what_was_read(seller):
    read = today(Kind.SALES)
    change_sale_terms({"days_kept": 21}, by=OWNER)
    with pytest.raises(TextMoved):
        publish(Kind.SALES, read=read, by=OWNER, now=NOON)


def test_each_version_stays_word_for_word(seller):
    first = put(Kind.SALES)
    words = first.body
    second = put(Kind.SALES, at=NOON + timedelta(days=1), days_kept=21)
    assert (first.number, second.number) == (1, 2)
    assert queries.in_force(Kind.SALES) == second
    kept = Version.objects.get(number=1)
    assert kept.body == words
    assert kept.hash == hashlib.sha256(words.encode()).hexdigest()


def test_published_again_unchanged_it_is_the_same(seller):
    assert put(Kind.NOTICE) == put(Kind.NOTICE)
    assert Version.objects.count() == 1


@pytest.mark.parametrize("verb", ["UPDATE {} SET id = 0", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["legal_version", "legal_acceptance"])
def test_not_even_sql_changes_what_is_kept(seller, table, verb):
    put(Kind.NOTICE)
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(verb.format(table))


def test_the_terms_say_what_the_shop_said(seller):
    said = {"delivers": True, "delivery_zone": "Corse comprise", "delivery_cost": "9,90 €"}
    body = put(Kind.SALES, **said, pays_return=True, own_words="Les magnums voyagent debout.").body
    for words in ("Corse comprise", "9,90 €", "aux frais de la boutique", "Médiation du commerce"):
        assert words in body
    assert "Les magnums voyagent debout." in body
    assert "18 ans" in body
    assert "Commander avec obligation de paiement" in body


def test_a_shop_without_alcohol_does_not_speak_of_it(seller):
    Shop.objects.filter(pk=seller.pk).update(sells_alcohol=False)
    connection.set_tenant(Shop.objects.get(pk=seller.pk))
    assert "alcool" not in put(Kind.SALES).body.lower()


def test_what_changed_is_shown_by_words():
    old = "## Retrait\nElle attend 14 jours.\nMerci."
    (pieces,) = changes(old, old.replace("14", "21"))
    assert [(one.state, one.text) for one in pieces if one.state != "same"] == [
        ("gone", "14 "),
        ("new", "21 "),
    ]


def test_a_list_is_read_as_a_list():
    found = blocks("## Si :\n- ceci ;\n- cela.\nEnfin.")
    assert [(one.kind, one.lines) for one in found] == [
        ("heading", ("Si :",)),
        ("item", ("ceci ;", "cela.")),
        ("paragraph", ("Enfin.",)),
    ]


# --- who accepted ----------------------------------------------------------------------------


def test_which_version_a_customer_accepted_is_kept(seller):
    client = ContactFactory()
    put(Kind.SALES)
    told = {"number": 1, "contact": client, "cause": "club:1", "now": NOON}
    assert accept(Kind.SALES, **told) == accept(Kind.SALES, **told)
    put(Kind.SALES, days_kept=21)
    assert [one.version.number for one in queries.accepted_by(client)] == [1]


def test_nobody_accepts_what_is_no_longer_in_force(seller):
    put(Kind.SALES)
    put(Kind.SALES, days_kept=21)
    with pytest.raises(NotInForce):
        accept(Kind.SALES, number=1, contact=ContactFactory(), cause="club:1", now=NOON)
    with pytest.raises(NotInForce):
        accept(Kind.SALES, number=9, contact=ContactFactory(), cause="club:1", now=NOON)


def test_an_acceptance_outlives_a_merge(seller):
    known, twin = ContactFactory(), ContactFactory()
    put(Kind.SALES)
    accepted = accept(Kind.SALES, number=1, contact=twin, cause="club:1", now=NOON)
    merge_people(known, twin, by=OWNER, now=NOON)
    assert list(queries.accepted_by(known)) == [accepted]
    accepted.refresh_from_db()
    assert accepted.contact_id == twin.pk, "nothing was rewritten"


def test_the_contract_is_kept_with_who_accepted_it(seller):
    by = Actor("team", 7)
    first = agree(read=today(Kind.DATA), by=by, now=NOON)
    again = agree(read=today(Kind.DATA), by=by, now=NOON + timedelta(days=1))
    assert first == again == queries.agreed()
    assert (first.actor_id, first.at, first.contact_id) == (7, NOON, None)
    assert "article 28" in first.version.body


# --- at once ---------------------------------------------------------------------------------


def test_eight_taps_publish_one_version(sellers):
    (read,) = sellers(lambda _: today(Kind.NOTICE), None)
    told = {"read": read, "by": OWNER, "now": NOON}
    made = sellers(lambda _: publish(Kind.NOTICE, **told), *range(8))
    assert {version.number for version in made} == {1}
    assert sellers(lambda _: Version.objects.count(), None) == [1]


def test_eight_taps_accept_once(sellers):
    (client,) = sellers(lambda _: (put(Kind.SALES), ContactFactory())[1], None)
    told = {"number": 1, "contact": client, "cause": "club:1", "now": NOON}
    made = sellers(lambda _: accept(Kind.SALES, **told), *range(8))
    assert len({one.pk for one in made}) == 1
    assert sellers(lambda _: Acceptance.objects.count(), None) == [1]


# --- the owner's pages -----------------------------------------------------------------------


def test_the_owner_reads_publishes_and_is_told_what_changes(owner_client, seller):
    page = plain(owner_client.get(f"{AT}cgv/"))
    read = re.search(r'name="read" value="(\w+)"', page)[1]
    page = plain(owner_client.post(f"{AT}cgv/", {"read": read}, follow=True))
    assert "La version 1 est en vigueur." in page
    change_sale_terms({"days_kept": 21}, by=OWNER)
    assert "à republier" in plain(owner_client.get(AT))
    page = plain(owner_client.get(f"{AT}cgv/"))
    assert "<del>14 </del><ins>21 </ins>" in page
    assert "Publier la version 2" in page


def test_the_owner_is_told_what_is_missing(owner_client, shop):
    page = plain(owner_client.get(f"{AT}cgv/"))
    for fact in ("votre raison sociale", "le nom de votre médiateur"):
        assert fact in page
    assert "<button" not in page.split('id="publier"')[1].split("</section>")[0]
    answer = owner_client.post(f"{AT}cgv/", {"read": "x"})
    assert answer.status_code == 422
    assert "Il manque" in plain(answer)


def test_what_moved_meanwhile_is_read_again(owner_client, seller):
    answer = owner_client.post(f"{AT}cgv/", {"read": "0" * 64})
    assert answer.status_code == 409
    assert "relisez-le" in plain(answer)


def test_the_owner_accepts_the_contract_in_the_words_shown(owner_client, owner, seller):
    page = plain(owner_client.get(f"{AT}contrat-de-donnees/"))
    read = re.search(r'name="read" value="(\w+)"', page)[1]
    page = plain(owner_client.post(f"{AT}contrat-de-donnees/", {"read": read}, follow=True))
    assert f"Par {owner.name}, le" in page
    assert queries.agreed().actor_id == owner.pk


def test_the_settings_of_sales_are_kept(owner_client, shop):
    said = {"mediator": "Médiation", "days_kept": "10", "delivery_days": "5", "delivers": "on"}
    assert owner_client.post(AT, said).status_code == 302
    assert queries.sale_terms().days_kept == 10
    assert owner_client.post(AT, {**said, "delivery_days": "45"}).status_code == 422


def test_the_bytes_one_takes_home_bear_the_hash(owner_client, seller):
    version = put(Kind.SALES)
    kept = owner_client.get(f"{AT}cgv/1.txt").content
    assert hashlib.sha256(kept).hexdigest() == version.hash
    assert owner_client.get(f"{AT}cgv/1.pdf").content.startswith(b"%PDF")
    assert owner_client.get(f"{AT}cgv/1.exe").status_code == 404


@pytest.mark.parametrize("page", ["", "cgv/", "cgv/1/"])
def test_the_owner_s_pages_ask_few_questions(owner_client, seller, page):
    for kind in Kind:
        put(kind) if kind != Kind.DATA else agree(read=today(kind), by=OWNER, now=NOON)
    owner_client.get(AT)
    with CaptureQueriesContext(connection) as asked:
        owner_client.get(AT + page)
    assert len(asked) <= 12


# --- the public pages ------------------------------------------------------------------------


def test_customers_find_the_texts_once_they_are_published(visitor, seller):
    assert visitor.get("/cgv/").status_code == 404
    assert "/cgv/" not in plain(visitor.get("/mentions-legales/"))
    put(Kind.SALES)
    put(Kind.WITHDRAWAL)
    page = plain(visitor.get("/cgv/"))
    assert "Commander avec obligation de paiement" in page
    for link in ("/cgv/", "/retractation/", "/mentions-legales/"):
        assert f'href="{link}"' in page


def test_older_versions_stay_readable(visitor, seller):
    put(Kind.SALES)
    put(Kind.SALES, at=NOON + timedelta(days=2), days_kept=21)
    assert "Elle vous y attend 21 jours" in plain(visitor.get("/cgv/"))
    page = plain(visitor.get("/cgv/1/"))
    assert "Elle vous y attend 14 jours" in page
    assert "n’est plus en vigueur" in page
    assert visitor.get("/cgv/9/").status_code == 404


def test_the_withdrawal_form_is_a_pdf(visitor, seller):
    put(Kind.WITHDRAWAL)
    answer = visitor.get("/retractation/1/pdf/")
    assert answer["Content-Type"] == "application/pdf"
    said = "".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)
    assert "rétractation du contrat" in said.replace("\n", " ")
    assert "Cave du Marché SARL" in said


def test_only_the_form_has_lines_to_fill_in(owner_client, seller):
    def dotted(kind, place, **said):
        put(kind, **said)
        file = owner_client.get(f"{AT}{place}/1.pdf").content
        pages = (page.extract_text() for page in PdfReader(BytesIO(file)).pages)
        return [one for one in "".join(pages).splitlines() if ". . . ." in one or "...." in one]

    assert len(dotted(Kind.WITHDRAWAL, "retractation")) == 6
    assert dotted(Kind.SALES, "cgv", own_words="Nos horaires :\nde 9 h à 19 h.") == []


def test_the_words_stay_french_around_them_the_page_speaks(visitor, seller):
    put(Kind.SALES)
    page = plain(visitor.get("/cgv/", headers={"accept-language": "es"}))
    assert "Condiciones generales de venta" in page
    assert 'lang="fr"' in page
    assert "Qui vend" in page


def test_the_public_page_asks_little(visitor, seller):
    put(Kind.SALES)
    visitor.get("/cgv/")
    with CaptureQueriesContext(connection) as asked:
        visitor.get("/cgv/")
    assert len(asked) <= 4
