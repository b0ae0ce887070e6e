"""Passes: issued, shown anew when what they show has changed, held by phones.

A change draws a tag and makes the phones that hold the pass due, in one transaction; telling them
is ``pushing``'s.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from apps.core.jobs import enqueue
from apps.core.reading import one
from apps.core.refusal import Refusal
from apps.wallet.faces import Face, closed
from apps.wallet.models import Device, GoogleObject, Pass, Registration

Compose = Callable[[], Face]
TELL = "apps.wallet.tasks.tell"
_SECOND = timedelta(seconds=1)


class NotYours(Refusal):
    """The same answer for a pass that is not there: nobody learns which serials are."""

    message = _("Cette carte ne se demande pas ainsi.")
    status = 401


_NEXT_TAG = """
INSERT INTO wallet_clock AS clock (tag, "only") VALUES (1, true)
ON CONFLICT ("only") DO UPDATE SET tag = clock.tag + 1 RETURNING tag
"""


def _next_tag() -> int:
    """Greater than any before. Until the commit nobody else draws one, so that no smaller tag is
    ever committed after a greater one was read."""
    row = one(_NEXT_TAG, [])
    assert row is not None
    assert connection.in_atomic_block
    return int(row[0])


def whole_second(now: datetime) -> datetime:
    return now.replace(microsecond=0)


def issue(*, subject: int, compose: Compose, now: datetime, pass_type: str = "") -> Pass:
    """The pass about ``subject``, made when there is none, up to date. Safe in parallel.

    ``pass_type``: whose certificate signs it, when a phone asks for a signed file.
    """
    show(subject=subject, compose=compose, now=now)
    if not is_issued(subject):
        _issue(subject, compose(), now)
        show(subject=subject, compose=compose, now=now)  # what changed before there was a row
    if pass_type:
        Pass.objects.filter(subject=subject, pass_type="").update(pass_type=pass_type)
    return Pass.objects.get(subject=subject)


def _issue(subject: int, face: Face, now: datetime) -> None:
    with suppress(IntegrityError), transaction.atomic():  # another request may be faster
        Pass.objects.create(
            subject=subject,
            face=face.as_json(),
            tag=_next_tag(),
            modified_at=whole_second(now),
            created_at=now,
        )


def subjects() -> list[int]:
    """What there are passes about."""
    found = Pass.objects.exclude(subject=None).order_by("pk")
    return [subject for subject in found.values_list("subject", flat=True) if subject]


def is_issued(subject: int) -> bool:
    return Pass.objects.filter(subject=subject).exists()


@transaction.atomic
def show(*, subject: int, compose: Compose, now: datetime) -> bool:
    """The pass about ``subject``, if there is one, shows what ``compose`` finds. What it shows
    already is no change: no phone is told. Returns whether it changed.

    Composed under the pass's lock: of two changes at once, the one that comes second sees both.
    A face with another code is another pass: whoever renewed a link closed the old one, and a
    phone that holds the old pass may be the very one that was to be shut out.
    """
    found = Pass.objects.select_for_update().filter(subject=subject).first()
    if found is None:
        return False
    face = compose()
    if found.face == face.as_json():
        return False
    if found.face["code"] != face.code:
        found.subject, face = None, closed(face)
    found.face = face.as_json()
    found.tag = _next_tag()
    # Two changes in one second are two dates: a phone that has the first asks for the second.
    found.modified_at = max(whole_second(now), found.modified_at + _SECOND)
    found.save(update_fields=["subject", "face", "tag", "modified_at"])
    objects = GoogleObject.objects.filter(held=found)
    _due(found.tag, now, Device.objects.filter(passes=found), objects, hurried=True)
    return True


@transaction.atomic
def show_all_anew(now: datetime) -> None:
    """The shop looks different: every pass changed, and those who were stamped are told first."""
    # The passes before the tag, as ``show`` does: else the two would wait for each other.
    list(Pass.objects.select_for_update().order_by("pk").values_list("pk"))
    tag = _next_tag()
    later = Greatest(F("modified_at") + _SECOND, whole_second(now))
    Pass.objects.update(tag=tag, modified_at=later)
    _due(tag, now, Device.objects.all(), GoogleObject.objects.all(), hurried=False)


def _due(tag: int, now: datetime, *followers: QuerySet[Any], hurried: bool) -> None:
    """One that waits already, or is being told, keeps its turn: it is told once of both."""
    said: dict[str, Any] = {"wanted": tag, "due_at": Coalesce("due_at", now), "tries": 0}
    if hurried:
        said["hurried"] = True
    if sum(some.update(**said) for some in followers):
        enqueue(TELL, urgent=hurried, bulk=not hurried)


# --- what phones ask -----------------------------------------------------------------------


def pass_for(*, pass_type: str, serial: str, secret: str) -> Pass:
    """The pass a phone proves to hold. Raises ``NotYours``."""
    found = Pass.objects.filter(serial=serial, pass_type=pass_type).first()
    if found is None or not constant_time_compare(found.secret, secret):
        raise NotYours()
    return found


_KNOW_DEVICE = """
INSERT INTO wallet_device
    (library, pass_type, push_token, registered_at, wanted, due_at, hurried, tries)
VALUES (%s, %s, %s, %s, 0, NULL, false, 0)
ON CONFLICT (library, pass_type) DO UPDATE
SET push_token = EXCLUDED.push_token, registered_at = EXCLUDED.registered_at
RETURNING id
"""


@transaction.atomic
def register(*, held: Pass, library: str, push_token: str, now: datetime) -> bool:
    """This phone wants to hear of the pass. Returns False when it did already."""
    row = one(_KNOW_DEVICE, [library, held.pass_type, push_token, now])  # locks the device's row
    assert row is not None
    made = Registration.objects.get_or_create(device_id=row[0], held=held)
    return made[1]


@transaction.atomic
def unregister(*, held: Pass, library: str) -> None:
    """The pass was taken off this phone; a phone that holds none is forgotten."""
    mine = Device.objects.select_for_update().filter(library=library, pass_type=held.pass_type)
    device = mine.first()  # locked first, as a registration does: the two wait for each other
    if device is None:
        return
    Registration.objects.filter(device=device, held=held).delete()
    if not Registration.objects.filter(device=device).exists():
        device.delete()


@dataclass(frozen=True, slots=True)
class Changed:
    serials: list[str]
    tag: int


def changed_since(*, library: str, pass_type: str, tag: int) -> Changed | None:
    """Which of a phone's passes changed after ``tag``, and the tag to ask with next time."""
    mine = Q(registrations__device__library=library, pass_type=pass_type)
    found = Pass.objects.filter(mine, tag__gt=tag).order_by("tag").values_list("serial", "tag")
    rows = list(found)
    return Changed([serial for serial, _tag in rows], rows[-1][1]) if rows else None
