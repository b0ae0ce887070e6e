"""A segment's life: kept under a name, changed, copied, thrown away."""

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext_lazy as _

from apps.audience.criteria import Criteria
from apps.audience.models import Segment
from apps.audit.services import record
from apps.core.actor import Actor
from apps.core.refusal import Refusal

MOST_SEGMENTS = 100


class NameTaken(Refusal):
    message = _("Un autre segment s’appelle déjà « %(name)s ».")


class NoName(Refusal):
    message = _("Donnez-lui un nom.")
    status = 422


class NobodyChosen(Refusal):
    message = _("Ajoutez au moins un critère : sans critère, ce sont tous les clients.")
    status = 422


class SegmentInUse(Refusal):
    message = _("« %(name)s » sert encore à %(users)s : changez-y le choix des clients d’abord.")


class TooManySegments(Refusal):
    message = _("Vous avez déjà %(most)d segments : supprimez-en un d’abord.")


@transaction.atomic
def keep_segment(
    name: str, criteria: Criteria, by: Actor, segment_id: int | None = None
) -> Segment:
    """A new segment, or ``segment_id`` with this name and these criteria.

    Raises ``NoName``, ``NobodyChosen``, ``NameTaken`` or ``TooManySegments``.
    """
    name = " ".join(name.split())[:60]
    if not name:
        raise NoName()
    if not criteria.groups:
        raise NobodyChosen()
    if segment_id is None:
        if Segment.objects.count() >= MOST_SEGMENTS:
            raise TooManySegments(most=MOST_SEGMENTS)
        segment = Segment(created_by=by.id)
    else:
        segment = Segment.objects.select_for_update().get(pk=segment_id)
    before = segment.criteria
    segment.name, segment.criteria = name, criteria.as_dict()
    try:
        with transaction.atomic():
            segment.save()
    except IntegrityError as error:
        raise NameTaken(name=name) from error
    record(by, "segment.keep", "segment", segment.pk, before=before, after=segment.criteria)
    return segment


def duplicate_segment(segment: Segment, by: Actor) -> Segment:
    """The same criteria under « … (copie) », numbered when there is one."""
    taken = {name.lower() for name in Segment.objects.values_list("name", flat=True)}
    stem = segment.name[:48]
    names = [f"{stem} (copie)", *(f"{stem} (copie {n})" for n in range(2, MOST_SEGMENTS + 2))]
    free = next(name for name in names if name.lower() not in taken)
    return keep_segment(free, Criteria.read(segment.criteria), by)


@transaction.atomic
def delete_segment(segment_id: int, by: Actor) -> Segment:
    """Raises ``SegmentInUse`` when a message still to be sent chooses its people by it."""
    segment = Segment.objects.select_for_update().get(pk=segment_id)
    try:
        segment.delete()
    except ProtectedError as error:
        users = sorted({f"« {user} »" for user in error.protected_objects})
        more = f" et {len(users) - 3} de plus" if len(users) > 3 else ""
        raise SegmentInUse(name=segment.name, users=", ".join(users[:3]) + more) from error
    record(by, "segment.delete", "segment", segment_id, before=segment.criteria)
    return segment
