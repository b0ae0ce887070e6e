"""What signs: handed in, kept in the vault, watched over until it ends."""

import io
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from apps.accounts.models import PlatformMail
from apps.core.actor import SYSTEM
from apps.core.tenancy import across_shops, in_schema
from apps.ops.demo.authority import Authority
from apps.shops import vault
from apps.shops.models import PlatformSecret, Secret, Shop
from apps.wallet import expiry, tasks
from apps.wallet.identities import Ended, adopt, identity_for, release, standing
from apps.wallet.keyring import APPLE, forget_known
from tests.conftest import ShopClient
from tests.factories import UserFactory
from tests.wallet.conftest import PASS_TYPE, SECRET, by_platform, files

pytestmark = pytest.mark.django_db
PAGE = "/gestion/reglages/wallet/"


def hand_in(browser, found, **said):
    posted = {name: SimpleUploadedFile(name, data) for name, data in found.items() if data}
    words = {"password": SECRET, "push_key_id": "ABC123DEFG", **said}
    return browser.post(PAGE, {**posted, **words})


@pytest.fixture
def own(authority):
    return authority.identity("pass.fr.cave.carte", now=timezone.now())


def test_without_keys_the_owner_reads_what_to_do(owner_client):
    page = owner_client.get(PAGE).content.decode()
    assert page.count("pas encore proposé") == 2
    assert "Pass Type ID" in page
    assert "compte de service" in page
    assert "vos clients ne voient aucun bouton" in page


def test_an_owner_hands_in_their_own_certificate(owner_client, own, shop, run_jobs):
    answer = hand_in(owner_client, files(own))
    assert (answer.status_code, answer.url) == (302, PAGE)
    forget_known()
    assert standing(shop).pass_type == "pass.fr.cave.carte"
    assert identity_for(shop, own.pass_type).key.private_numbers() == own.key.private_numbers()
    page = owner_client.get(PAGE).content.decode()
    assert "proposé à vos clients" in page
    assert "pass.fr.cave.carte" in page


def test_the_intermediate_may_come_with_the_bundle(owner_client, own, shop):
    found = files(own, with_middle=True) | {"intermediate": b""}
    assert hand_in(owner_client, found).status_code == 302


def test_what_is_wrong_is_said_and_nothing_is_kept(owner_client, own, authority, shop):
    stranger = Authority(timezone.now()).intermediate.certificate.public_bytes(Encoding.DER)
    other = authority.identity("com.example.x", now=timezone.now())
    curve = ec.generate_private_key(ec.SECP384R1())
    cases = [
        ({}, {"password": "faux"}, "ne s’ouvre pas"),
        ({"bundle": b"x"}, {}, "ne s’ouvre pas"),
        ({"intermediate": b""}, {}, "Il manque le certificat intermédiaire"),
        ({"intermediate": stranger}, {}, "Il manque le certificat intermédiaire"),
        ({"intermediate": b"x"}, {}, "n’est pas lisible"),
        ({"push_key": b"x"}, {}, "n’est pas lisible"),
        ({"push_key": files(own, push_key=curve)["push_key"]}, {}, "n’est pas une clé APNs"),
        ({}, {"push_key_id": "trop"}, "Dix lettres"),
        ({"bundle": b"x" * 60_000}, {}, "trop lourd"),
        ({"bundle": files(other)["bundle"]}, {}, "Pass Type"),
    ]
    for changed, said, sentence in cases:
        answer = hand_in(owner_client, files(own) | changed, **said)
        assert answer.status_code == 422
        assert sentence in answer.content.decode(), sentence
    assert not Secret.objects.exists()


def test_one_that_has_ended_is_refused(own, shop):
    with pytest.raises(Ended):
        adopt(own, shop=shop, by=SYSTEM, now=own.expires_at + timedelta(seconds=1))


def test_the_keys_lie_sealed_and_no_page_shows_them(owner_client, own, shop):
    hand_in(owner_client, files(own))
    pem = own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with connection.cursor() as cursor:
        cursor.execute("SELECT s::text, encode(sealed, 'escape') FROM shops_secret s")
        text = "".join(cursor.fetchone())
    assert pem.decode().splitlines()[3] not in text
    assert "PRIVATE" not in text
    assert Secret.objects.get().tail == ""
    assert "BEGIN" not in owner_client.get(PAGE).content.decode()


def test_the_owner_takes_their_keys_back(owner_client, own, signed, shop):
    hand_in(owner_client, files(own))
    assert owner_client.post(f"{PAGE}retirer/").status_code == 302
    forget_known()
    assert standing(shop).pass_type == PASS_TYPE
    assert owner_client.post(f"{PAGE}retirer/").status_code == 404, "the platform's is not theirs"
    assert vault.listed(None, APPLE)


def test_the_platforms_certificate_signs_for_every_shop_and_is_none_of_theirs(
    signed, shop, other_shop
):
    for one in (shop, other_shop):
        with in_schema(one.schema_name):
            assert identity_for(one, PASS_TYPE) is not None
            assert not Secret.objects.exists()


def test_the_platforms_does_not_open_in_a_shops_place(signed, shop):
    row = PlatformSecret.objects.get()
    Secret.objects.create(shop=shop, name=row.name, sealed=row.sealed, sealed_by=row.sealed_by)
    by_platform(release, PASS_TYPE)
    assert identity_for(shop, PASS_TYPE) is None


def test_the_platforms_secrets_are_sealed_anew_with_the_others(signed, shop, settings):
    settings.VAULT_KEYS = (bytes(range(40, 72)), *settings.VAULT_KEYS)
    with in_schema("public"):
        assert vault.rotate() == (1, 0)
    settings.VAULT_KEYS = settings.VAULT_KEYS[:1]
    forget_known()
    assert identity_for(shop, PASS_TYPE) is not None


def test_platform_staff_keep_the_certificate_by_a_command(authority, shop, tmp_path, monkeypatch):
    made = authority.identity(PASS_TYPE, now=timezone.now())
    for name, data in files(made).items():
        (tmp_path / name).write_bytes(data)
    connection.set_schema_to_public()
    monkeypatch.setenv("P12_PASSWORD", SECRET)
    said = io.StringIO()
    paths = (str(tmp_path / "bundle"), str(tmp_path / "push_key"))
    middle = f"--intermediate={tmp_path / 'intermediate'}"
    call_command("keep_wallet_keys", *paths, "ABC123DEFG", middle, stdout=said)
    assert PASS_TYPE in said.getvalue()
    forget_known()
    assert standing(shop).own is False
    monkeypatch.setenv("P12_PASSWORD", "faux")
    with pytest.raises(CommandError, match="mot de passe"):
        call_command("keep_wallet_keys", *paths, "ABC123DEFG", middle)
    with pytest.raises(CommandError, match="Dix lettres"):
        call_command("keep_wallet_keys", *paths, "x", middle)


# --- the end ---------------------------------------------------------------------------------


def ends_in(authority, days, *, shop=None, pass_type=PASS_TYPE):
    now = timezone.now()
    with in_schema(shop.schema_name if shop else "public"):
        adopt(authority.identity(pass_type, now=now, days=days), shop=shop, by=SYSTEM, now=now)


def told(now) -> list[tuple[str, str]]:
    connection.set_schema_to_public()
    expiry.warn(now)
    with across_shops():
        rows = list(PlatformMail.objects.order_by("pk").values_list("to", "subject"))
        PlatformMail.objects.all().delete()
    return rows


def test_owners_are_warned_60_30_and_7_days_before_once_each(authority, shop, owner, member):
    member("helper")
    ends_in(authority, 100, shop=shop, pass_type="pass.fr.cave.carte")
    now = timezone.now()
    told_on = {}
    for day in range(0, 110):
        for turn in range(2):
            for address, subject in told(now + timedelta(days=day, hours=turn)):
                assert address == owner.email
                assert shop.name in subject
                told_on[day] = subject
    assert sorted(told_on) == [40, 70, 93]
    assert "dans 30 jours" in told_on[70] or "dans 29 jours" in told_on[70]


def test_a_warning_that_was_missed_is_given_once_and_not_three_times(authority, shop, owner):
    ends_in(authority, 5, shop=shop, pass_type="pass.fr.cave.carte")
    assert len(told(timezone.now())) == 1
    assert told(timezone.now()) == []


def test_a_renewed_certificate_is_watched_anew(authority, shop, owner):
    ends_in(authority, 20, shop=shop, pass_type="pass.fr.cave.carte")
    assert len(told(timezone.now())) == 1
    connection.set_tenant(shop)
    ends_in(authority, 25, shop=shop, pass_type="pass.fr.cave.carte")
    assert len(told(timezone.now())) == 1


def test_staff_are_warned_of_the_platforms(authority, shop, owner):
    staff = UserFactory(is_staff=True)
    UserFactory(is_staff=True, is_active=False)
    ends_in(authority, 6)
    ((address, subject),) = told(timezone.now())
    assert address == staff.email
    assert subject.startswith("Comptoir : le certificat Apple Wallet expire dans")


def test_a_closed_shops_is_nobodys_worry(authority, shop, owner):
    ends_in(authority, 6, shop=shop)
    Shop.objects.filter(pk=shop.pk).update(closed_at=timezone.now())
    assert told(timezone.now()) == []


def test_the_clock_looks_at_them(authority, shop, owner, run_jobs):
    ends_in(authority, 6, shop=shop)
    connection.set_schema_to_public()
    tasks.look_at_certificates()
    with across_shops():
        mail = PlatformMail.objects.get()
    assert "Les cartes déjà rangées dans les téléphones restent valables" in mail.text
    assert f"{shop.url}{PAGE}" in mail.text


def test_the_page_asks_for_a_renewal_in_time(authority, shop, owner_client):
    ends_in(authority, 20, shop=shop, pass_type="pass.fr.cave.carte")
    assert "certificat à renouveler" in owner_client.get(PAGE).content.decode()


def test_only_the_owner_comes_in(shop, member):
    for role in ("manager", "helper"):
        browser = ShopClient(shop).enter(member(role))
        assert browser.get(PAGE).status_code == 403


def test_the_picture_is_drawn_in_the_shops_colours(owner_client):
    answer = owner_client.get(f"{PAGE}image.png")
    assert answer["Content-Type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")
