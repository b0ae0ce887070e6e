"""The shop's rule, chosen and changed."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.audit.services import record
from apps.core.actor import Actor
from apps.loyalty.models import Programme


@transaction.atomic
def set_programme(*, by: Actor, now: datetime, **rules: Any) -> Programme:
    """Choose or change the shop's rule (fields of ``Programme``), with its trail.

    Cards are left as they are: one that already holds the new goal wins at its next stamp.
    """
    programme = Programme.objects.select_for_update().first()
    fields = ("goal", "reward", "reward_is_alcohol", "cooldown_minutes", "helper_hourly_limit")
    before = {name: getattr(programme, name) for name in fields} if programme else None
    programme = programme or Programme(started_at=now)
    for name in fields:
        setattr(programme, name, rules.get(name, getattr(programme, name)))
    after = {name: getattr(programme, name) for name in fields}
    if before != after:
        programme.save()
        record(by, "set_programme", "programme", programme.pk, before=before, after=after)
    return programme
