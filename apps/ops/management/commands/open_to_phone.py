"""``manage.py open_to_phone HOST PORT``: how a phone of the network gets to the demonstration."""

import io
from typing import Any
from urllib.parse import urlencode

import segno
from django.core.management.base import BaseCommand, CommandParser
from django.urls import reverse
from django.utils import timezone

from apps.accounts import devices
from apps.accounts.models import Membership
from apps.core.roles import Role
from apps.core.tenancy import in_schema
from apps.ops.demo.accounts import PIN
from apps.ops.demo.shops import CAVE
from apps.shops.models import Domain, Shop


class Command(BaseCommand):
    help = "Ouvre le comptoir de la cave à un téléphone du même réseau, et dit comment."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("host", help="adresse de cette machine dans son réseau")
        parser.add_argument("port", type=int, help="port HTTPS ; le suivant donne le certificat")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port, now = options["host"], options["port"], timezone.now()
        shop = Shop.objects.get(slug=CAVE.slug)
        known = {"tenant": shop, "is_primary": False, "verified_at": now}
        with in_schema(shop.schema_name):
            Domain.objects.update_or_create(domain=host, defaults=known)
            owner = Membership.objects.get(shop=shop, role=Role.OWNER)
            offered = devices.offer(by=owner, name="Téléphone d’essai", now=now)
        pairing = f"{reverse('pair')}?{urlencode({'code': offered.code})}"
        self._tell("faites-lui confiance au certificat", f"http://{host}:{port + 1}/")
        self._tell("reliez-le au comptoir de la cave", f"https://{host}:{port}{pairing}")
        self.stdout.write(f"Puis choisissez un nom, et tapez son code : {PIN}")

    def _tell(self, what: str, link: str) -> None:
        self.stdout.write(f"Sur le téléphone, {what} : {link}")
        told = io.StringIO()
        segno.make(link, error="l").terminal(told, border=2, compact=True)
        self.stdout.write(told.getvalue())
