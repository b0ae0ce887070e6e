"""Google Wallet: the object first, then a short link; changes written on, three notices a day."""

import json
import re
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.core.actor import SYSTEM
from apps.core.tenancy import in_schema
from apps.loyalty import pocket
from apps.loyalty.proving import renew_link
from apps.shops.models import Secret
from apps.shops.services import change_settings
from apps.wallet import accounts, pushing, services
from apps.wallet.keyring import forget_known
from apps.wallet.models import GoogleObject, Pass
from apps.wallet.providers import google as client
from tests.peers.google import Google, google
from tests.wallet.conftest import by_platform, stamp
from tests.wallet.reader import size_of

pytestmark = pytest.mark.django_db
ISSUER, EMAIL = "3388000000012345678", "cartes@comptoir.iam.gserviceaccount.com"
ANDROID = {"User-Agent": "Mozilla/5.0 (Linux; Android 16; Pixel 9)"}
PAGE = "/gestion/reglages/wallet/"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def account_file(key) -> bytes:
    """As Google's console hands it out."""
    plain = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    said = {
        "type": "service_account",
        "client_email": EMAIL,
        "private_key": key.private_bytes(*plain).decode(),
        "private_key_id": "abc",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return json.dumps(said).encode()


@pytest.fixture
def kept_by(shop, account_file):
    by_platform(accounts.adopt, account_file, ISSUER)


@pytest.fixture
def peer(kept_by, key, settings) -> Iterator[Google]:
    client.forget_written()
    with google(EMAIL, key.public_key(), ISSUER) as found:
        settings.GOOGLE_WALLET_URL, settings.GOOGLE_TOKEN_URL = found.url, found.token_url
        yield found
    client.forget_written()


def save(visitor, card) -> str:
    """The tap, as far as Google."""
    answer = visitor.get(f"/c/{card.token}/google/", headers=ANDROID)
    assert answer.status_code == 302
    return answer["Location"]


def changed(card, shop, now=None):
    stamp(card)
    card.refresh_from_db()
    pocket.refresh(card.pk, shop, now or timezone.now())


def test_a_tap_saves_the_card_by_a_short_link_that_only_names_it(peer, visitor, card, shop, key):
    link = save(visitor, card)
    assert link.startswith("https://pay.google.com/gp/v/save/")
    assert len(link) < 1000
    token = link.rpartition("/")[2]
    said = jwt.decode(token, key.public_key(), ["RS256"], audience="google")
    (named,) = said["payload"]["loyaltyObjects"]
    assert (said["iss"], said["typ"], said["origins"]) == (EMAIL, "savetowallet", [shop.url])
    assert list(peer.objects) == [named["id"]], "Google knows it already"
    assert named == {"id": f"{ISSUER}.{Pass.objects.get().serial}"}
    assert peer.refused == ["404 {'error': 'NOT_FOUND'}"] * 2, "asked first, then made"


def test_google_shows_what_the_card_shows(peer, visitor, card, shop):
    save(visitor, card)
    (shown,) = peer.objects.values()
    (common,) = peer.kept["loyaltyClass"].values()
    assert shown["barcode"]["value"] == f"{shop.url}/c/{card.token}/"
    assert shown["barcode"]["type"] == "QR_CODE"
    assert shown["loyaltyPoints"]["balance"] == {"string": "3 / 10"}
    texts = {module["id"]: module for module in shown["textModulesData"]}
    left = texts["left"]["localizedBody"]
    assert left["defaultValue"] == {"language": "fr", "value": "Plus que 7 tampons"}
    assert {"language": "en", "value": "Only 7 stamps to go"} in left["translatedValues"]
    assert common["hexBackgroundColor"] == shop.accent
    assert (common["issuerName"], common["countryCode"]) == (shop.name, "FR")
    contact = card.contact
    said = json.dumps([shown, common])
    assert not any(text in said for text in (contact.first_name, contact.phone, contact.email))


def test_the_pictures_google_fetches_are_the_shops(peer, visitor, card, shop):
    save(visitor, card)
    (shown,) = peer.objects.values()
    (common,) = peer.kept["loyaltyClass"].values()
    for image, size in ((shown["heroImage"], (1125, 432)), (common["programLogo"], (660, 660))):
        answer = visitor.get(image["sourceUri"]["uri"].removeprefix(shop.url))
        assert size_of(answer.content) == size
        assert "immutable" in answer["Cache-Control"]
    path = shown["heroImage"]["sourceUri"]["uri"].removeprefix(shop.url)
    for wrong in (path.replace("strip-10-3", "strip-10-4"), f"/wallet/image/emblem/{22 * '0'}/"):
        assert visitor.get(wrong).status_code == 404, "nobody else names one to be drawn"


def test_a_stamp_is_written_on_at_google_and_said_aloud(peer, visitor, card, run_jobs):
    save(visitor, card)
    stamp(card)
    run_jobs()
    (shown,) = peer.objects.values()
    assert shown["loyaltyPoints"]["balance"] == {"string": "4 / 10"}
    assert "strip-" in shown["heroImage"]["sourceUri"]["uri"]
    assert [len(moments) for moments in peer.notices.values()] == [1]
    assert GoogleObject.objects.get().due_at is None


def test_at_most_three_changes_a_day_are_said_aloud_and_all_are_written(peer, visitor, card, shop):
    save(visitor, card)
    for _turn in range(5):
        changed(card, shop)
        pushing.tell(shop)
    (shown,) = peer.objects.values()
    assert shown["loyaltyPoints"]["balance"] == {"string": "8 / 10"}
    assert [len(moments) for moments in peer.notices.values()] == [3]
    kept = GoogleObject.objects.get()
    kept.told[0] -= 25 * 3600
    kept.save()
    peer.most += 1
    changed(card, shop)
    pushing.tell(shop)
    assert [len(moments) for moments in peer.notices.values()] == [4], "one is of yesterday"


def test_what_google_will_not_say_aloud_is_written_all_the_same(peer, visitor, card, shop):
    save(visitor, card)
    peer.most = 0
    changed(card, shop)
    pushing.tell(shop)
    (shown,) = peer.objects.values()
    assert shown["loyaltyPoints"]["balance"] == {"string": "4 / 10"}
    assert GoogleObject.objects.get().due_at is None


def test_a_new_look_is_written_to_class_and_objects_and_said_to_nobody(
    peer, visitor, card, shop, run_jobs
):
    save(visitor, card)
    change_settings(shop=shop, by=SYSTEM, values={"accent": "#14213d"})
    run_jobs()
    (common,) = peer.kept["loyaltyClass"].values()
    assert common["hexBackgroundColor"] == "#14213d"
    assert peer.notices == {}


def test_the_class_is_written_once_for_many_objects(peer, visitor, card, shop):
    save(visitor, card)
    for _ in range(3):
        changed(card, shop)
        pushing.tell(shop)
    assert peer.asked.count("PATCH loyaltyClass") == 1
    assert peer.tokens == 1


def test_a_second_tap_writes_the_same_object(peer, visitor, card):
    assert save(visitor, card).split(".")[0] == save(visitor, card).split(".")[0]
    assert len(peer.objects) == GoogleObject.objects.count() == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_google_cannot_take_now_is_written_later(peer, visitor, card, shop, status):
    save(visitor, card)
    changed(card, shop)
    peer.broken = [status]
    pushing.tell(shop)
    waiting = GoogleObject.objects.get()
    assert waiting.tries == 1
    GoogleObject.objects.update(due_at=timezone.now())
    pushing.tell(shop)
    assert GoogleObject.objects.get().due_at is None
    (shown,) = peer.objects.values()
    assert shown["loyaltyPoints"]["balance"] == {"string": "4 / 10"}


def test_a_token_that_google_forgot_is_asked_for_anew(peer, visitor, card, shop):
    save(visitor, card)
    peer.tokens += 5
    changed(card, shop)
    pushing.tell(shop)
    GoogleObject.objects.update(due_at=timezone.now())
    pushing.tell(shop)
    assert GoogleObject.objects.get().due_at is None


def test_an_object_that_google_lost_is_made_again(peer, visitor, card, shop):
    save(visitor, card)
    peer.objects.clear()
    changed(card, shop)
    pushing.tell(shop)
    assert len(peer.objects) == 1


def test_when_google_is_silent_the_customer_is_told_and_nothing_is_lost(peer, visitor, card):
    peer.broken = [503]
    answer = visitor.get(f"/c/{card.token}/google/", headers=ANDROID)
    assert answer.status_code == 503
    assert "Google Wallet ne répond pas" in answer.content.decode()
    assert save(visitor, card)


def test_a_renewed_link_closes_the_object_that_carried_the_old_one(peer, visitor, card, shop):
    save(visitor, card)
    fresh = renew_link(card, client_address="203.0.113.7")
    pocket.refresh(card.pk, shop, timezone.now())
    pushing.tell(shop)
    (shown,) = peer.objects.values()
    assert shown["state"] == "INACTIVE"
    assert fresh.token not in json.dumps(shown)
    save(visitor, fresh)
    assert sorted(one["state"] for one in peer.objects.values()) == ["ACTIVE", "INACTIVE"]


def test_one_pass_for_both_wallets(peer, signed, visitor, card, shop):
    save(visitor, card)
    assert Pass.objects.get().pass_type == ""
    iphone = {"User-Agent": "Mozilla/5.0 (iPhone)"}
    assert visitor.get(f"/c/{card.token}/carte.pkpass", headers=iphone).status_code == 200
    held = Pass.objects.get()
    assert held.pass_type == signed.pass_type
    services.register(held=held, library="a" * 16, push_token="ab" * 32, now=timezone.now())
    changed(card, shop)
    pushing.tell(shop)
    assert not GoogleObject.objects.exclude(due_at=None).exists()


@pytest.mark.parametrize(
    ("agent", "offered"),
    [
        ("Android 16", ["Google"]),
        ("iPhone", ["Apple"]),
        ("Macintosh", ["Apple"]),
        ("Windows NT", ["Apple", "Google"]),
    ],
)
@pytest.mark.usefixtures("kept_by", "signed")
def test_the_buttons_are_there_where_they_work(visitor, card, agent, offered):
    page = visitor.get(f"/c/{card.token}/", headers={"User-Agent": agent}).content.decode()
    assert re.findall(r"Ajouter à (\w+) Wallet", page) == offered


def test_without_a_key_only_the_owner_reads_of_a_button_and_what_to_do(
    visitor, owner_client, helper_client, card
):
    for browser, told in ((visitor, False), (helper_client, False), (owner_client, True)):
        page = browser.get(f"/c/{card.token}/", headers=ANDROID).content.decode()
        assert ("Google Wallet" in page) is told
        assert (f'href="{PAGE}"' in page) is told
    assert visitor.get(f"/c/{card.token}/google/", headers=ANDROID).status_code == 404


# --- the owner's own account -----------------------------------------------------------------


def hand_in(browser, data, issuer=ISSUER):
    posted = {"account": SimpleUploadedFile("cle.json", data), "issuer": issuer}
    return browser.post(f"{PAGE}google/", posted)


def test_an_owner_hands_in_their_own_account_and_takes_it_back(owner_client, account_file, shop):
    assert hand_in(owner_client, account_file).status_code == 302
    page = owner_client.get(PAGE).content.decode()
    assert ISSUER in page
    assert "PRIVATE" not in page
    assert accounts.account_for(shop, ISSUER).email == EMAIL
    assert owner_client.post(f"{PAGE}google/retirer/").status_code == 302
    assert not Secret.objects.exists()
    assert owner_client.post(f"{PAGE}google/retirer/").status_code == 404


def test_what_is_wrong_is_said_and_nothing_is_kept(owner_client, account_file):
    other = json.dumps({**json.loads(account_file), "type": "authorized_user"}).encode()
    for data, issuer, sentence in (
        (b"{", ISSUER, "clé JSON"),
        (b"[]", ISSUER, "clé JSON"),
        (other, ISSUER, "clé JSON"),
        (account_file, "BCR2DN4T", "fait de chiffres"),
    ):
        answer = hand_in(owner_client, data, issuer)
        assert answer.status_code == 422
        assert sentence in answer.content.decode()
    assert not Secret.objects.exists()


def test_platform_staff_keep_the_key_by_a_command(account_file, shop, tmp_path, capsys):
    file = tmp_path / "cle.json"
    file.write_bytes(account_file)
    with in_schema("public"):
        call_command("keep_google_wallet_key", str(file), ISSUER)
    assert EMAIL in capsys.readouterr().out
    forget_known()
    assert accounts.standing(shop) == accounts.Standing(ISSUER, own=False)
    with pytest.raises(CommandError, match="chiffres"):
        call_command("keep_google_wallet_key", str(file), "x")
