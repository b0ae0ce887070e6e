"""``manage.py createsuperuser``: the first of the platform's staff, whose address needs no mail."""

from typing import Any

from django.contrib.auth.management.commands import createsuperuser

from apps.accounts.models import User
from apps.accounts.services import mark_verified


class Command(createsuperuser.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        known = set(User.objects.values_list("pk", flat=True))
        super().handle(*args, **options)
        for user in User.objects.filter(is_superuser=True).exclude(pk__in=known):
            mark_verified(user)
