"""What a test has another process of Comptoir do: ``python -m tests.shops.later.drive …``."""

import sys

import django


def main(act: str, *arguments: str) -> None:
    django.setup()

    from apps.contacts.models import Contact
    from apps.core.tenancy import in_schema
    from apps.loyalty.models import Card
    from apps.shops.ledger import PUBLIC
    from apps.shops.migrating import migrate_schema, owner_connection
    from apps.shops.models import TEMPLATE_SCHEMA, Shop
    from apps.shops.privileges import grant_schema
    from apps.shops.services import provision

    if act == "provision":
        for number in range(int(arguments[0])):
            provision(name=f"Boutique {number}", slug=f"boutique-{number}")
        for shop in Shop.objects.all():
            with in_schema(shop.schema_name):
                for number in (1, 2):
                    Card.objects.create(contact=Contact.objects.create(), number=number)
    elif act == "by_django":
        schemas = list(Shop.objects.using("owner").values_list("schema_name", flat=True))
        for schema in (PUBLIC, TEMPLATE_SCHEMA, *schemas):
            migrate_schema(schema)
            if schema != PUBLIC:
                grant_schema(owner_connection(), schema)
    elif act == "half_provision":

        def stop_here(shop: Shop) -> None:
            sys.stdout.write(f"{shop.schema_name}\n")
            sys.stdout.flush()
            sys.stdin.read()

        provision(name="Cave coupée", slug=arguments[0], beside=stop_here)


if __name__ == "__main__":
    main(*sys.argv[1:])
