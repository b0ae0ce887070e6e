"""``manage.py replay_events evt_…`` or ``--days 3``: carry out stored Stripe events once more."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.payments import events
from apps.payments.models import StripeEvent


class Command(BaseCommand):
    help = "Rejoue des événements Stripe déjà reçus : chaque objet est relu chez Stripe."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="evt_…")
        parser.add_argument("--days", type=int, help="ceux des derniers jours")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = StripeEvent.objects.all()
        if options["names"]:
            chosen = chosen.filter(event_id__in=options["names"])
        elif options["days"]:
            limit = timezone.now() - timedelta(days=options["days"])
            chosen = chosen.filter(received_at__gte=limit)
        else:
            raise CommandError("Nommez des événements, ou dites combien de jours.")
        self.stdout.write(f"{events.replay(chosen)} événements à rejouer.")
