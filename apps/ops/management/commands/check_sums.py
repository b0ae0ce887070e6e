"""``manage.py check_sums``: what stands on people's records is what the ledgers say."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.catalog.services.sums import SPENDING
from apps.core.tenancy import in_schema
from apps.loyalty.visits import VISITS
from apps.shops.models import Shop

SUMS = {"visites": VISITS, "achats": SPENDING}


class Command(BaseCommand):
    help = (
        "Refait les sommes que porte chaque fiche (visites, dépenses, goûts) depuis les registres "
        "et nomme les fiches en écart ; code de sortie 1 s’il y en a."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", nargs="*", help="adresses de boutiques ; sans rien, toutes")
        parser.add_argument("--mend", action="store_true", help="remet d’accord celles en écart")

    def handle(self, *args: Any, **options: Any) -> None:
        shops = Shop.objects.order_by("slug")
        if options["slug"]:
            shops = shops.filter(slug__in=options["slug"])
        astray = sum(self._check(shop, options["mend"]) for shop in shops)
        if astray and not options["mend"]:
            raise CommandError(f"{astray} en écart. Pour les remettre d’accord : --mend")

    def _check(self, shop: Shop, mend: bool) -> int:
        count = 0
        with in_schema(shop.schema_name):
            for name, sums in SUMS.items():
                found = sums.astray()
                count += len(found)
                if mend:
                    sums.mend(found)
                said = f"fiches en écart : {found}" if found else "d’accord"
                self.stdout.write(f"{shop.slug}, {name} : {said}")
        return count
