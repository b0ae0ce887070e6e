"""The pass: what a phone gets, whoever reads it, and who signed it."""

import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils import timezone

from apps.core.actor import SYSTEM
from apps.loyalty import pocket
from apps.loyalty.models import Programme
from apps.loyalty.programme import set_programme
from apps.shops.services import change_settings
from apps.wallet import pictures
from apps.wallet.bundle import bundle
from apps.wallet.identities import adopt, release
from apps.wallet.models import Pass
from tests.factories import CardFactory, ContactFactory
from tests.wallet.conftest import by_platform, held_pass, stamp
from tests.wallet.reader import openssl_verifies, read_pass

pytestmark = pytest.mark.django_db
IPHONE = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)"}


def fetch(visitor, card):
    answer = visitor.get(f"/c/{card.token}/carte.pkpass", headers=IPHONE)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/vnd.apple.pkpass"
    return answer.content


def test_an_independent_reader_finds_a_whole_pass(signed, visitor, card, shop):
    read = read_pass(fetch(visitor, card))
    said = read.json
    assert said["passTypeIdentifier"] == signed.pass_type
    assert said["organizationName"] == said["logoText"] == shop.name
    assert said["webServiceURL"] == f"{shop.url}/wallet/"
    (code,) = said["barcodes"]
    assert code["message"] == f"{shop.url}/c/{card.token}/", "what the QR of the card's page says"
    assert code["altText"] == "N° 4821"
    assert said["backgroundColor"] == "rgb(109, 26, 54)"
    fields = read.fields
    assert fields["count"]["value"] == "3 / 10"
    assert fields["left"]["value"] == "Plus que 7 tampons"
    assert fields["prize"]["value"] == "Une bouteille de la sélection du mois"
    assert fields["left"]["changeMessage"] == "%@"
    assert "won" not in fields
    assert {"strip.png", "strip@2x.png", "strip@3x.png", "logo.png"} <= read.files.keys()


def test_openssl_verifies_who_signed_and_sees_what_was_changed(
    signed, authority, visitor, card, tmp_path
):
    read = read_pass(fetch(visitor, card))
    root = authority.root.certificate.public_bytes(Encoding.PEM)
    done = openssl_verifies(read, root, tmp_path)
    assert "Verification successful" in done.stderr, done.stderr
    read.files["manifest.json"] = read.files["manifest.json"].replace(b"icon", b"ikon", 1)
    assert openssl_verifies(read, root, tmp_path).returncode != 0


def test_the_pass_speaks_french_english_and_spanish(signed, visitor, card):
    read = read_pass(fetch(visitor, card))
    assert read.words("fr") == {}, "French is what pass.json says; its file is there all the same"
    assert read.words("en")["Plus que 7 tampons"] == "Only 7 stamps to go"
    assert read.words("es")["Tampons"] == "Sellos"


def test_the_pass_names_nobody(signed, visitor, card):
    contact = card.contact
    held = b"".join(read_pass(fetch(visitor, card)).files.values()).decode("latin-1")
    for personal in (contact.first_name, contact.last_name, contact.phone, contact.email):
        assert personal not in held
        assert personal not in json.dumps(Pass.objects.get().face)


def test_the_same_card_is_the_same_pass_however_often_it_is_asked_for(signed, visitor, card):
    first, second = (read_pass(fetch(visitor, card)) for _ in range(2))
    assert first.files["pass.json"] == second.files["pass.json"]
    assert Pass.objects.count() == 1


def test_serials_and_secrets_tell_nothing_of_the_card(signed, card, shop):
    passes = [held_pass(one, shop) for one in (card, CardFactory())]
    said = [text for held in passes for text in (held.serial, held.secret)]
    assert len(set(said)) == 4
    assert all(len(text) == 22 for text in said)
    assert not any(str(card.number) in text or card.token in text for text in said)


def test_a_reward_won_stands_on_the_pass(signed, visitor, card):
    stamp(card, 7)
    read = read_pass(fetch(visitor, card))
    assert read.fields["won"]["value"] == "Une bouteille de la sélection du mois"
    assert read.fields["count"]["value"] == "0 / 10"


@pytest.mark.parametrize(
    "told",
    [
        ("points", 300, 240, "240 points", "Plus que 60 points"),
        ("euros", 20_000, 1_250, "12,50\u00a0€", "Plus que 187,50\u00a0€"),
    ],
)
def test_where_amounts_count_the_balance_stands_in_the_stamps_place(signed, card, shop, told):
    kind, goal, card.balance, count, left = told
    Programme.objects.update(kind=kind, goal=goal)
    read = read_pass(bundle(held_pass(card, shop), shop, signed))
    assert read.fields["count"]["value"] == count
    assert read.json["storeCard"]["primaryFields"][0]["value"] == left
    assert "strip.png" not in read.files


def test_rewards_on_the_way_are_gifts_on_the_strip_and_lines_on_the_back(signed, card, shop):
    Programme.objects.update(steps=[{"at": 5, "label": "Un café", "is_alcohol": False}])
    held = held_pass(card, shop)
    assert held.face["gifts"] == [5, 10]
    fields = read_pass(bundle(held, shop, signed)).fields
    assert (fields["prize"]["label"], fields["prize"]["value"]) == ("À 5 tampons", "Un café")
    assert fields["prize1"]["value"] == "Une bouteille de la sélection du mois"


def test_a_new_rule_is_on_every_pass(held, phone, run_jobs):
    phone.register(held)
    set_programme(by=SYSTEM, now=timezone.now(), goal=8, reward="Un verre")
    run_jobs()
    fields = read_pass(phone.fetch(held).content).fields
    assert (fields["count"]["value"], fields["prize"]["value"]) == ("3 / 8", "Un verre")
    assert phone.changed(held, since=str(held.tag)).status_code == 200


def test_a_joined_card_shows_the_card_it_was_joined_to(signed, visitor, card, shop):
    alias = CardFactory(contact=ContactFactory(merged_into=card.contact), number=77)
    face = pocket.face_of(alias, shop)
    assert (face.filled, face.under_code["fr"]) == (3, "N° 4821")
    assert face.code.endswith(f"/c/{alias.token}/"), "under its own code, which opens that card"


def test_without_keys_nobody_is_offered_a_pass(visitor, card):
    page = visitor.get(f"/c/{card.token}/", headers=IPHONE).content.decode()
    assert "Apple Wallet" not in page
    assert visitor.get(f"/c/{card.token}/carte.pkpass").status_code == 404
    assert not Pass.objects.exists()


def test_a_shops_own_certificate_signs_its_new_passes_and_the_old_ones_keep_theirs(
    held, authority, shop, phone, visitor
):
    old = held
    own = authority.identity("pass.fr.cave.carte", now=timezone.now())
    adopt(own, shop=shop, by=SYSTEM, now=timezone.now())
    fresh = CardFactory()
    assert read_pass(fetch(visitor, fresh)).json["passTypeIdentifier"] == "pass.fr.cave.carte"
    assert read_pass(phone.fetch(old).content).json["passTypeIdentifier"] == old.pass_type
    release("pass.fr.cave.carte", shop=shop, by=SYSTEM)
    orphan = Pass.objects.get(subject=fresh.pk)
    answer = phone.fetch(orphan)
    assert (answer.status_code, answer["Retry-After"]) == (503, "3600")


def test_a_pass_outlives_the_renewal_of_its_certificate(authority, held, phone, tmp_path):
    renewed = authority.identity(held.pass_type, now=timezone.now(), days=700)
    by_platform(adopt, renewed, now=timezone.now())
    read = read_pass(phone.fetch(held).content)
    assert read.json["serialNumber"] == held.serial
    root = authority.root.certificate.public_bytes(Encoding.PEM)
    assert openssl_verifies(read, root, tmp_path).returncode == 0


def test_pictures_are_drawn_once_for_what_they_show(signed, shop):
    pictures._strip.cache_clear()
    for filled in (3, 3, 4, 3):
        pictures.pictures_of(shop, 10, filled)
    assert pictures._strip.cache_info().misses == 2
    three, four = (pictures.pictures_of(shop, 10, filled) for filled in (3, 4))
    assert three["strip@2x.png"] != four["strip@2x.png"]


def test_a_new_look_is_on_the_next_pass_and_its_phones_are_told(held, shop, phone, owner, run_jobs):
    phone.register(held)
    before = phone.fetch(held)
    change_settings(shop=shop, by=SYSTEM, values={"accent": "#14213d"})
    run_jobs()
    shop.refresh_from_db()
    after = phone.fetch(held, since=before["Last-Modified"])
    assert after.status_code == 200
    assert read_pass(after.content).json["backgroundColor"] == "rgb(20, 33, 61)"
    assert phone.changed(held, since=str(held.tag)).json()["serialNumbers"] == [held.serial]


@pytest.mark.parametrize("places", [2, 3, 5, 6, 7, 8, 11, 12, 16, 20, 30])
def test_every_goal_fits_its_strip(places):
    rows = pictures._rows(places)
    side = pictures._side(places, rows)
    columns = -(-places // rows)
    assert side >= 24
    assert columns * side + (columns - 1) * pictures.GAP <= pictures.WIDTH
    assert rows * side + (rows - 1) * pictures.GAP <= pictures.HEIGHT
