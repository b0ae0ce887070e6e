"""The vault: what a shop entrusts to us opens for that shop, under that name, and nowhere else."""

import io
import json
import logging

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from apps.audit.models import Entry
from apps.core.actor import Actor
from apps.core.logs import JsonFormatter
from apps.core.sealing import Sealed, Unopenable, first_key, seal, unseal
from apps.core.tenancy import across_shops, in_schema
from apps.shops import vault
from apps.shops.models import Secret

pytestmark = pytest.mark.django_db
OWNER = Actor("team", 7)
TOKEN = b"0123456789abcdef0123456789abWXYZ"
OLD, NEW, OTHER = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))


@pytest.fixture(autouse=True)
def keys(settings):
    settings.VAULT_KEYS = (OLD,)
    return settings


@pytest.fixture
def kept(shop):
    vault.keep(shop=shop, name="twilio:AC1", secret=TOKEN, by=OWNER)
    return Secret.objects.get()


# --- sealed -------------------------------------------------------------------------------


def test_a_secret_is_read_again_by_its_shop(kept, shop):
    assert vault.read(shop, "twilio:AC1") == TOKEN
    assert vault.read(shop, "twilio:AC2") is None


def test_the_database_holds_nothing_but_the_last_four_signs(kept):
    with connection.cursor() as cursor:
        cursor.execute("SELECT s::text, encode(sealed, 'escape') FROM shops_secret s")
        text = "".join(cursor.fetchone())
    assert TOKEN[:8].decode() not in text
    assert TOKEN.hex() not in text
    assert kept.tail == "WXYZ"


@pytest.mark.parametrize(
    ("secret", "tail"),
    [(b"court1234", ""), (b"\x30\x82" + b"\xff" * 40, ""), (b"-----END CERTIFICATE-----", "")],
)
def test_of_a_short_key_and_of_a_file_no_sign_is_shown(shop, secret, tail):
    vault.keep(shop=shop, name="pass", secret=secret, by=OWNER)
    assert Secret.objects.get().tail == tail
    assert vault.read(shop, "pass") == secret


def test_the_same_secret_sealed_twice_looks_different():
    assert seal(TOKEN, "a").data != seal(TOKEN, "a").data


@bounded(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), secret=st.binary(max_size=300), place=st.text(max_size=40))
def test_one_changed_bit_anywhere_does_not_open(data, secret, place):
    sealed = seal(secret, place)
    assert unseal(sealed, place) == secret
    broken = bytearray(sealed.data)
    broken[data.draw(st.integers(0, len(broken) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Unopenable):
        unseal(Sealed(sealed.by, bytes(broken)), place)
    with pytest.raises(Unopenable):
        unseal(Sealed(sealed.by, sealed.data[: data.draw(st.integers(0, len(broken) - 1))]), place)
    with pytest.raises(Unopenable):
        unseal(sealed, place + "x")


def test_copied_to_another_shop_it_does_not_open(kept, other_shop):
    with in_schema(other_shop.schema_name):
        Secret.objects.create(
            shop=other_shop, name=kept.name, sealed=kept.sealed, sealed_by=kept.sealed_by
        )
        with pytest.raises(Unopenable):
            vault.read(other_shop, kept.name)


def test_copied_to_another_name_it_does_not_open(kept, shop):
    Secret.objects.filter(pk=kept.pk).update(name="lexware")
    with pytest.raises(Unopenable):
        vault.read(shop, "lexware")


def test_a_neighbour_does_not_even_see_that_it_is_there(kept, other_shop, shop):
    with in_schema(other_shop.schema_name):
        assert vault.read(shop, kept.name) is None
        assert vault.tails(shop, "") == {}


# --- never told ---------------------------------------------------------------------------


def test_the_trail_says_set_replaced_and_removed_and_not_what(shop, run_jobs):
    for secret in (TOKEN, TOKEN[::-1]):
        vault.keep(shop=shop, name="twilio:AC1", secret=secret, by=OWNER)
    vault.forget(shop=shop, name="twilio:AC1", by=OWNER)
    vault.forget(shop=shop, name="twilio:AC1", by=OWNER)
    run_jobs()
    lines = Entry.objects.filter(verb__startswith="vault.").order_by("pk")
    verbs = ["vault.set", "vault.replace", "vault.remove"]
    assert [line.verb for line in lines] == verbs
    assert {line.actor_id for line in lines} == {7}
    told = json.dumps([[line.before, line.after] for line in lines])
    assert "WXYZ" not in told
    assert vault.read(shop, "twilio:AC1") is None


def test_no_representation_and_no_log_line_tells_it(kept, shop, caplog):
    with caplog.at_level(logging.DEBUG):
        secret = vault.read(shop, kept.name)
        try:
            raise RuntimeError(repr(kept))
        except RuntimeError:
            logging.getLogger("apps").exception("broke with %s", kept)
    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert secret == TOKEN
    for text in (*lines, str(kept), repr(kept), repr(vars(kept))):
        assert TOKEN.decode() not in text
        assert TOKEN.hex() not in text


# --- keys come and go ---------------------------------------------------------------------


def test_every_key_opens_and_the_first_one_seals(kept, shop, keys):
    keys.VAULT_KEYS = (NEW, OLD)
    assert vault.read(shop, kept.name) == TOKEN
    vault.keep(shop=shop, name="b", secret=TOKEN, by=OWNER)
    keys.VAULT_KEYS = (NEW,)
    assert vault.read(shop, "b") == TOKEN
    with pytest.raises(Unopenable):
        vault.read(shop, kept.name)


@pytest.fixture
def two_shops(shop, other_shop):
    for one in (shop, other_shop):
        with in_schema(one.schema_name):
            for name in ("a", "b", "c"):
                vault.keep(shop=one, name=name, secret=TOKEN, by=OWNER)
    return shop, other_shop


def _by() -> set[str]:
    with across_shops():
        return set(Secret.objects.values_list("sealed_by", flat=True))


def test_a_new_key_takes_over_every_shops_secrets(two_shops, keys):
    keys.VAULT_KEYS = (NEW, OLD)
    said = io.StringIO()
    call_command("rotate_vault", stdout=said)
    assert "6 secret(s)" in said.getvalue()
    keys.VAULT_KEYS = (NEW,)
    for shop in two_shops:
        with in_schema(shop.schema_name):
            assert {vault.read(shop, name) for name in "abc"} == {TOKEN}
    assert vault.rotate() == (0, 0)


def test_killed_in_the_middle_it_goes_on_where_it_was(two_shops, keys, monkeypatch):
    keys.VAULT_KEYS = (NEW, OLD)
    left = [1, 1]

    def dies(secret, place):
        left.pop()  # the third time nothing is left: IndexError
        return seal(secret, place)

    with monkeypatch.context() as patch:
        patch.setattr(vault, "seal", dies)
        with pytest.raises(IndexError):
            vault.rotate()
    assert len(_by()) == 2
    assert vault.rotate() == (4, 0)
    assert _by() == {first_key()}


def test_what_its_owner_replaces_meanwhile_is_theirs(shop, kept, keys, monkeypatch):
    keys.VAULT_KEYS = (NEW, OLD)

    def slowly(secret, place):
        with in_schema(shop.schema_name):
            vault.keep(shop=shop, name=kept.name, secret=b"the newer one", by=OWNER)
        return seal(secret, place)

    with monkeypatch.context() as patch:
        patch.setattr(vault, "seal", lambda s, p: seal(s, p) if s != TOKEN else slowly(s, p))
        assert vault.rotate() == (0, 0)
    assert vault.read(shop, kept.name) == b"the newer one"


def test_what_no_key_opens_is_named_left_as_it_is_and_holds_up_nothing(two_shops, keys):
    shop, _ = two_shops
    keys.VAULT_KEYS = (OTHER,)
    vault.keep(shop=shop, name="b", secret=TOKEN, by=OWNER)
    keys.VAULT_KEYS = (NEW, OLD)
    said = io.StringIO()
    with pytest.raises(CommandError, match="1 secret"):
        call_command("rotate_vault", stdout=io.StringIO(), stderr=said)
    assert f"{shop.schema_name}, « b »" in said.getvalue()
    assert len(_by()) == 2
