"""``manage.py run_worker``: the schedules brought to their table, then jobs until SIGTERM."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections
from django_q.cluster import Cluster

from apps.ops.recurring import write_schedules


class Command(BaseCommand):
    help = "Travaille : messages, tâches récurrentes. SIGTERM finit ce qui est en main, puis part."

    def handle(self, *args: Any, **options: Any) -> None:
        write_schedules()
        # The cluster forks: a connection must not be shared by two processes.
        connections.close_all()
        Cluster().start()
