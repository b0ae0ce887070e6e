"""What a test has another process of Comptoir do: ``python -m tests.shops.later.drive …``."""

import sys

import django


def provision_many(count: str) -> None:
    """So many shops, and two people with a card in each that there is."""
    from apps.contacts.models import Contact
    from apps.core.tenancy import in_schema
    from apps.loyalty.models import Card
    from apps.shops.models import Shop
    from apps.shops.services import provision

    for number in range(int(count)):
        provision(name=f"Boutique {number}", slug=f"boutique-{number}")
    for shop in Shop.objects.all():
        with in_schema(shop.schema_name):
            for number in (1, 2):
                Card.objects.create(contact=Contact.objects.create(), number=number)


def by_django() -> None:
    """What a deploy would be without ``migrate_shops``: Django's executor, shop after shop."""
    from apps.shops.ledger import PUBLIC
    from apps.shops.migrating import migrate_schema, owner_connection
    from apps.shops.models import TEMPLATE_SCHEMA, Shop
    from apps.shops.privileges import grant_schema

    schemas = list(Shop.objects.using("owner").values_list("schema_name", flat=True))
    for schema in (PUBLIC, TEMPLATE_SCHEMA, *schemas):
        migrate_schema(schema)
        if schema != PUBLIC:
            grant_schema(owner_connection(), schema)


def new(slug: str) -> None:
    from apps.shops.services import provision

    provision(name="Cave entière", slug=slug)


def half(slug: str) -> None:
    """Provision, and stand still when all is made and nothing committed."""
    from apps.shops import ledger

    def stand_still(schema: str, version: str) -> str:
        sys.stdout.write(f"{schema}\n")
        sys.stdout.flush()
        return sys.stdin.read()

    ledger.writing = stand_still
    new(slug)


ACTS = {act.__name__: act for act in (provision_many, by_django, new, half)}

if __name__ == "__main__":
    django.setup()
    ACTS[sys.argv[1]](*sys.argv[2:])
