"""A trigger's life: written, switched on and off, copied, thrown away."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.campaigns.firing import DUE, next_look
from apps.campaigns.models import Run, Trigger
from apps.campaigns.services import ready_to_read
from apps.campaigns.triggers import KINDS
from apps.core import due
from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.shops.models import Shop

WRITTEN = (
    "title",
    "use_sms",
    "use_email",
    "sms_text",
    "email_subject",
    "email_text",
    "further",
    "fallback",
    "offer",
    "offer_days",
    "hour",
    "segment",
)


class HasSent(Refusal):
    message = _("Ce message a déjà écrit à des clients : arrêtez-le, son histoire reste lisible.")


def defaults(kind: str) -> dict[str, Any]:
    """The settings a trigger of ``kind`` begins with."""
    fields = KINDS[kind].form().fields
    return {name: field.initial for name, field in fields.items()}


def create(kind: str, by: Actor) -> Trigger:
    """A trigger that is off, with first words to make one's own."""
    return Trigger.objects.create(
        kind=kind,
        title=KINDS[kind].title,
        settings=defaults(kind),
        created_by=by.id,
        **KINDS[kind].written,
    )


@transaction.atomic
def save(
    trigger_id: int,
    written: Mapping[str, Any],
    settings: Mapping[str, Any],
    *,
    by: Actor,
    shop: Shop,
    now: datetime | None = None,
) -> Trigger:
    """Keep what was typed (``WRITTEN``). One that is on leaves with the new words from now on.

    Raises what ``services.ready_to_read`` raises, for one that is on.
    """
    now = now or timezone.now()
    trigger = Trigger.objects.select_for_update().get(pk=trigger_id)
    for name in WRITTEN:
        if name in written:
            setattr(trigger, name, written[name])
    trigger.settings = dict(settings)
    if trigger.is_on:
        ready_to_read(trigger)
        _look_next(trigger, shop, now)
    trigger.save()
    record(by, "trigger.save", "trigger", trigger.pk, after=trigger.settings)
    return trigger


@transaction.atomic
def switch_on(trigger_id: int, by: Actor, shop: Shop, now: datetime | None = None) -> Trigger:
    """From now on; what came to pass before stays without a message. On already: nothing.

    Raises what ``services.ready_to_read`` raises.
    """
    now = now or timezone.now()
    trigger = Trigger.objects.select_for_update().get(pk=trigger_id)
    if trigger.is_on:
        return trigger
    ready_to_read(trigger)
    trigger.on_since = now
    _look_next(trigger, shop, now)
    trigger.save()
    # What waited when it was switched off may still make sense.
    if Run.objects.filter(trigger=trigger, at__isnull=False).exists():
        due.note(DUE, now)
    record(by, "trigger.on", "trigger", trigger.pk)
    return trigger


def _look_next(trigger: Trigger, shop: Shop, now: datetime) -> None:
    trigger.next_at = next_look(trigger, shop, now)
    if trigger.next_at:
        due.note(DUE, trigger.next_at)


@transaction.atomic
def switch_off(trigger_id: int, by: Actor) -> Trigger:
    """Nothing leaves any more; what waits, waits, and is looked at if it is switched on again."""
    trigger = Trigger.objects.select_for_update().get(pk=trigger_id)
    if trigger.is_on:
        trigger.on_since = trigger.next_at = None
        trigger.save()
        record(by, "trigger.off", "trigger", trigger.pk)
    return trigger


def duplicate(trigger: Trigger, by: Actor) -> Trigger:
    """The same words and settings, off."""
    kept = {name: getattr(trigger, name) for name in WRITTEN}
    kept["title"] = f"{trigger.title[:70]} (copie)"
    return Trigger.objects.create(
        kind=trigger.kind, settings=trigger.settings, created_by=by.id, **kept
    )


@transaction.atomic
def discard(trigger_id: int, by: Actor) -> None:
    """Throw away what nobody ever met. Raises ``HasSent``."""
    trigger = Trigger.objects.select_for_update().get(pk=trigger_id)
    if trigger.runs.exists():
        raise HasSent()
    trigger.delete()
    record(by, "trigger.discard", "trigger", trigger_id)
