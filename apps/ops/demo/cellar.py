"""A phone that goes down to the cellar: which one may give there, and two gestures refused."""

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.utils import timezone

from apps.counter.models import Gesture, Kind, Lease
from apps.counter.services import MayNotGive, StampedMeanwhile
from apps.loyalty.models import Movement, MovementKind, Reward

DEVICE = UUID("6f1f0d2e-8d55-4a53-9a0e-3b1c5a7e9d20")


def write(*, author: int, helper: int, now: datetime) -> None:
    """A second stamp of a visit came late; a reward was handed over on a device that may not."""
    Lease.objects.create(
        device=DEVICE, name="Téléphone de la cave", actor_id=author, since=now - timedelta(days=40)
    )
    stamp = Movement.objects.filter(kind=MovementKind.EARN).select_related("card").latest("at")
    time = f"{timezone.localtime(stamp.at):%H:%M}"
    twice = str(StampedMeanwhile(time=time))
    _refused(Kind.STAMP, stamp.at - timedelta(minutes=9), helper, twice, stamp)
    ready = Reward.objects.ready().select_related("card").order_by("-won_at").first()
    if ready:
        _refused(Kind.GIVE, stamp.at - timedelta(hours=2), helper, str(MayNotGive()), ready)


def _refused(kind: Kind, at: datetime, helper: int, why: str, what: Movement | Reward) -> None:
    Gesture.objects.create(
        token=uuid5(DEVICE, kind),
        kind=kind,
        device=UUID(int=DEVICE.int + 1),
        card=what.card,
        reward=what if isinstance(what, Reward) else None,
        refusal=why,
        actor_kind="team",
        actor_id=helper,
        at=at,
        received_at=at + timedelta(minutes=5),
    )
