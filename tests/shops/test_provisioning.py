"""A shop is ready in an instant, whole, and alone."""

import pytest
from django.db import connection, connections

from apps.audit.models import Entry
from apps.shops.blueprint import read_blueprint
from apps.shops.migrating import owner_connection, schema_exists
from apps.shops.models import TEMPLATE_SCHEMA, Shop
from apps.shops.services import SlugTaken, propose_slug, provision

pytestmark = pytest.mark.django_db(databases=["default", "owner"], transaction=False)


def test_a_shop_is_the_template_to_the_letter(shop):
    assert read_blueprint(owner_connection(), shop.schema_name) == read_blueprint(
        owner_connection(), TEMPLATE_SCHEMA
    )


def test_a_taken_address_is_refused_with_an_idea(shop):
    with pytest.raises(SlugTaken) as refusal:
        provision(name="Autre cave", slug="cave")
    assert "cave-" in str(refusal.value)


@pytest.mark.parametrize("slug", ["admin", "www", "a", "Cave", "cave_1", "-cave"])
def test_reserved_and_impossible_addresses_are_refused(shop, slug):
    with pytest.raises(SlugTaken):
        provision(name="X", slug=slug)


def test_a_failed_provisioning_leaves_nothing(shop):
    def fails(made: Shop) -> None:
        raise RuntimeError("panne")

    connection.set_schema_to_public()
    with pytest.raises(RuntimeError):
        provision(name="Cave perdue", slug="cave-perdue", beside=fails)
    assert not Shop.objects.filter(slug="cave-perdue").exists()
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 's_cave_perdue%%'")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Cave du Marché", "cave-du-marche"), ("L’Œuf & Cie", "l-oeuf-cie"), ("É", "boutique-e")],
)
def test_the_address_is_proposed_from_the_name(name, slug):
    assert propose_slug(name) == slug


def test_what_is_append_only_cannot_be_rewritten_by_the_application(shop):
    may = "SELECT has_table_privilege('audit_entry', %s)"
    with connection.cursor() as cursor:
        for act, allowed in (("UPDATE", False), ("DELETE", False), ("INSERT", True)):
            cursor.execute(may, [act])
            assert cursor.fetchone() == (allowed,)
    assert Entry.append_only
    assert schema_exists(shop.schema_name)
