"""What the team and other rooms ask of the outbox."""

from django.db.models import Case, CharField, Count, F, Value, When

from apps.messaging.models import Message, Status


def _stage() -> Case:
    """The status as people count it: what waits for its next try is in the queue."""
    return Case(
        When(status=Status.SENDING, available_at__isnull=False, then=Value(Status.QUEUED.value)),
        default=F("status"),
        output_field=CharField(),
    )


def progress(cause: str) -> dict[str, int]:
    """How many messages of ``cause`` stand where: status → count, absent when none."""
    counted = (
        Message.objects.filter(cause=cause)
        .order_by()
        .values(stage=_stage())
        .annotate(many=Count("pk"))
    )
    return {row["stage"]: row["many"] for row in counted}
