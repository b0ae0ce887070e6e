"""The database every test starts from: all tables, a wine merchant and a café, nobody in them."""

import os

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

    from apps.shops.deploying import bring_up
    from apps.shops.services import provision

    bring_up(lambda line: None)
    provision(
        name="Cave du Marché",
        slug="cave",
        trade="wine",
        sells_alcohol=True,
        city="Beaune",
        postal_code="21200",
        sms_sender="CAVEMARCHE",
    )
    provision(name="Café des Halles", slug="cafe", trade="cafe", sells_alcohol=False)


if __name__ == "__main__":
    main()
