"""What the team, platform staff and other rooms ask of the outbox."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from apps.contacts.channels import named
from apps.core.tenancy import in_schema
from apps.messaging.models import PAUSED, Alert, Message, Status
from apps.messaging.reasons import say
from apps.shops.models import Shop


def _stage() -> Case:
    """The status as people count it: what waits for its next try is in the queue."""
    return Case(
        When(
            status__in=[Status.SENDING, Status.UNKNOWN],
            available_at__isnull=False,
            then=Value(Status.QUEUED.value),
        ),
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


# The tabs of the list of what was sent.
STAGES: dict[str, Q] = {
    "": Q(),
    "attente": Q(available_at__isnull=False),
    "envoyes": Q(status__in=[Status.SENT, Status.DELIVERED]),
    "echecs": Q(status__in=[Status.FAILED, Status.CANCELLED]),
    "incertains": Q(status=Status.UNKNOWN, available_at=None),
}


def sendings(stage: str = "", contact_id: int | None = None) -> QuerySet[Message]:
    """Messages newest first, with their person; ``stage`` is a key of ``STAGES``."""
    found = Message.objects.filter(STAGES.get(stage, Q()))
    if contact_id is not None:
        found = found.filter(contact_id=contact_id)
    return found.select_related("contact").order_by("-created_at", "-pk")


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One line of « À savoir »: what to tell, whose record to open."""

    id: int
    sentence: str
    tone: str  # a class of base.css: bad, warn or nothing
    at: datetime
    contact_id: int | None
    contact_name: str
    pauses: bool  # dismissing it tries again


# By how an alert's code begins; the channel's name follows.
_OF_A_CHANNEL = {
    PAUSED: (_("Les envois %(by)s sont en pause : %(why)s. Rien n’est perdu, tout attend."), "bad"),
    "bad_": (_("Injoignable %(by)s, refus du réseau : à redemander."), "warn"),
    "stopped_": (_("Ne veut plus rien recevoir %(by)s."), ""),
}


def _alert_line(alert: Alert) -> AlertLine:
    what, _under, channel = alert.code.partition("_")
    sentence, tone = _OF_A_CHANNEL.get(f"{what}_", ("", "warn"))
    why = say(alert.cause)
    why = why[:1].lower() + why[1:]
    told = {"by": named(channel).by, "why": why} if sentence else {}
    contact = alert.contact
    name = (contact.full_name or str(_("Fiche sans nom"))) if contact else ""
    return AlertLine(
        id=alert.pk,
        sentence=str(sentence) % told or say(alert.code),
        tone=tone,
        at=alert.at,
        contact_id=alert.contact_id,
        contact_name=name,
        pauses=alert.code.startswith(PAUSED),
    )


def alerts(limit: int = 20) -> list[AlertLine]:
    """What the team must know about sending: pauses first, then the newest. One query."""
    standing = Alert.objects.filter(dismissed_at=None).select_related("contact")
    pause_first = Case(When(code__startswith=PAUSED, then=0), default=1)
    return [_alert_line(alert) for alert in standing.order_by(pause_first, "-at")[:limit]]


@dataclass(frozen=True, slots=True)
class Failure:
    """A message that did not arrive, as platform staff may see it: no person, no text."""

    message_id: int
    channel: str
    status: str
    reason: str
    provider: str
    tries: int
    at: datetime


def failed(shop: Shop, limit: int = 200) -> list[Failure]:
    """The shop's failed and uncertain messages, newest first, without personal data."""
    with in_schema(shop.schema_name):
        rows = (
            Message.objects.filter(status__in=[Status.FAILED, Status.UNKNOWN])
            .order_by("-created_at", "-pk")
            .annotate(provider=F("attempts__provider"))
            .filter(Q(attempts__number=F("tries")) | Q(attempts=None))
            .values_list("pk", "channel", "status", "reason", "provider", "tries", "created_at")[
                :limit
            ]
        )
        return [
            Failure(pk, channel, status, say(reason), provider or "", tries, at)
            for pk, channel, status, reason, provider, tries, at in rows
        ]
