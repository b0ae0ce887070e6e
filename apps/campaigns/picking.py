"""One of a drop's two texts is picked, once.

The pick is made under the drop's lock, in one transaction with the job that writes to the others:
whoever comes second, by hand or by the clock, finds it made, and a worker that dies has made none.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.campaigns.freezing import FREEZE, PICK, waiting
from apps.campaigns.models import Drop, PickedBy, Rival, State
from apps.campaigns.splitting import rival_of
from apps.campaigns.versus import Measure, better, measure, versus
from apps.core.actor import SYSTEM, Actor
from apps.core.jobs import enqueue
from apps.core.refusal import Refusal
from apps.messaging.models import Message

LOOK_AGAIN = timedelta(minutes=20)


class AlreadyPicked(Refusal):
    message = _("Le choix entre les deux textes est déjà fait.")


class SameTexts(Refusal):
    message = _("Les textes A et B sont les mêmes : changez-en un, ou n’en gardez qu’un.")
    status = 422


class NothingToMeasure(Refusal):
    message = _(
        "Pour que le meilleur texte parte aux autres, mettez un lien à suivre dans les deux, ou "
        "donnez un code. Sinon, partagez moitié-moitié."
    )
    status = 422


def ready(drop: Drop) -> None:
    """Raises ``SameTexts`` or ``NothingToMeasure`` where nothing could be picked."""
    rival = rival_of(drop)
    if rival is None:
        return
    used = [name for name in Rival.TEXTS if getattr(drop, f"use_{name.partition('_')[0]}")]
    if all(getattr(drop, name).strip() == getattr(rival, name).strip() for name in used):
        raise SameTexts()
    if rival.waits and measure(drop) == Measure.VISITS:
        raise NothingToMeasure()


@transaction.atomic
def pick(drop_id: int, now: datetime | None = None) -> None:
    """The hours are over: the better text for the others, as far as the figures say."""
    now = now or timezone.now()
    drop = _on_trial(drop_id)
    if drop is None:
        return
    if later := _too_early(drop, now):
        enqueue(PICK, drop.pk, at=later)
        return
    _pick(drop, "", SYSTEM, now)


@transaction.atomic
def choose(drop_id: int, text: str, by: Actor, now: datetime | None = None) -> None:
    """The owner does not wait: the others read ``text``. The same one again changes nothing.

    Raises ``AlreadyPicked``.
    """
    now = now or timezone.now()
    drop = _on_trial(drop_id)
    if drop is None:
        if Rival.objects.filter(drop=drop_id, pick=text, picked_by=PickedBy.HAND).exists():
            return
        raise AlreadyPicked()
    _pick(drop, text, by, now)


def _on_trial(drop_id: int) -> Drop | None:
    """The drop, locked, while its two texts are tried; whoever picks changes its state."""
    found = Drop.objects.select_related("rival").select_for_update(of=("self",))
    return found.filter(pk=drop_id, state=State.TESTING).first()


def _too_early(drop: Drop, now: datetime) -> datetime | None:
    """When to look again: some of the trial wait still, or left later than they were to."""
    if waiting(drop).exists():
        return now + LOOK_AGAIN
    left = Message.objects.filter(cause=drop.cause).aggregate(at=Max("sent_at"))["at"]
    due = left + timedelta(hours=drop.rival.hours) if left else now
    if due <= now:
        return None
    Rival.objects.filter(drop=drop).update(pick_at=due)
    return due


def _pick(drop: Drop, chosen: str, by: Actor, now: datetime) -> None:
    """The text ``chosen`` by hand, else the one that the figures or the rule say."""
    rival, found = drop.rival, versus(drop)
    assert found is not None
    best = better(found)
    rival.pick = chosen or best or rival.otherwise
    rival.picked_by = PickedBy.FIGURES if best else PickedBy.CHANCE
    if chosen:
        rival.picked_by = PickedBy.HAND
    rival.picked_at, rival.seen = now, found.seen
    rival.save(update_fields=["pick", "picked_by", "picked_at", "seen"])
    drop.state, drop.frozen_up_to = State.PREPARING, 0
    drop.save(update_fields=["state", "frozen_up_to", "saved_at"])
    enqueue(FREEZE, drop.pk, str(drop.launch_token))
    told = {"pick": rival.pick, "picked_by": rival.picked_by, "seen": rival.seen}
    record(by, "drop.pick", "drop", drop.pk, after=told)
