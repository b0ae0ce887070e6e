"""What messages that leave by themselves have sent, and what one would have sent."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet, Sum
from django.utils.translation import ngettext

from apps.campaigns.comparing import Share
from apps.campaigns.firing import chosen
from apps.campaigns.leaving import way_to
from apps.campaigns.models import Click, Run, RunState, Send, Trigger
from apps.campaigns.queries import WATCHED, followed, has_links, living
from apps.campaigns.triggers import KINDS
from apps.catalog.models import Purchase
from apps.contacts.models import ConsentEvent, ConsentState, Contact
from apps.core.templatetags.french import euros, nombre
from apps.messaging.models import Status
from apps.messaging.reasons import say
from apps.shops.models import Shop

LATELY = timedelta(days=30)
NAMED = 10
SHOWN = 20


@dataclass(slots=True)
class Figures:
    """One trigger and its runs since a moment; ``cost_tenths`` of a cent."""

    trigger: Trigger
    sent: int = 0
    delivered: int = 0
    failed: int = 0
    waiting: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    cost_tenths: int = 0

    @property
    def leaves(self) -> str:
        """« Part 60 jours après la dernière visite, à 10:00. »"""
        return leaves(self.trigger)

    @property
    def held(self) -> int:
        return self.dropped.total()

    @property
    def cost_cents(self) -> int:
        return round(self.cost_tenths / 10)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Why messages did not leave, most frequent first."""
        return [(say(code), count) for code, count in self.dropped.most_common()]

    @property
    def sentence(self) -> str:
        """« 38 partis, 2 en attente, 2,66 € »."""
        said = []
        for count, one, many in (
            (self.sent, "%s parti", "%s partis"),
            (self.waiting, "%s en attente", "%s en attente"),
            (self.held, "%s retenu", "%s retenus"),
        ):
            if count:
                said.append(ngettext(one, many, count) % nombre(count))
        if self.cost_cents:
            said.append(euros(self.cost_cents))
        return ", ".join(said)


def leaves(trigger: Trigger) -> str:
    """When it leaves, in a sentence."""
    kind = KINDS[trigger.kind]
    hour = f", à {trigger.hour:%H:%M}" if kind.by_clock else ""
    whom = f", seulement pour « {trigger.segment} »" if trigger.segment else ""
    return f"Part {kind.said(trigger.settings)}{hour}{whom}."


def figures(triggers: Iterable[Trigger], since: datetime) -> list[Figures]:
    """Each trigger with what became of who met it since then; one query for all."""
    found = {trigger.pk: Figures(trigger) for trigger in triggers}
    runs = Run.objects.filter(trigger__in=found, caused_at__gte=since).order_by()
    rows = runs.values("trigger", "state", "reason", "message__status")
    for row in rows.annotate(many=Count("pk"), cost=Sum("message__cost_tenths")):
        _add(found[row["trigger"]], row)
    return list(found.values())


def _add(told: Figures, row: Mapping[str, Any]) -> None:
    many, status = row["many"], row["message__status"]
    if row["state"] == RunState.WAITING:
        told.waiting += many
    elif row["state"] == RunState.DROPPED:
        told.dropped[row["reason"]] += many
    else:
        told.sent += many
        told.delivered += many if status == Status.DELIVERED else 0
        told.failed += many if status in {Status.FAILED, Status.CANCELLED} else 0
        told.cost_tenths += row["cost"] or 0


@dataclass(frozen=True, slots=True)
class Effect:
    """What those did whom a trigger wrote to; ``clicked`` is None for one without links,
    ``redeemed`` where no code was given. ``failures``: why messages did not arrive; ``cents``: what
    they bought in the fortnight after it."""

    failures: list[tuple[str, int]]
    clicked: Share | None
    redeemed: Share | None
    stops: int
    addresses: list[tuple[str, int]]
    cents: int


def effect(trigger: Trigger, since: datetime, sent: int) -> Effect:
    """Of its ``sent`` runs since then, each person by the record that speaks for them today."""
    gone = Run.objects.filter(trigger=trigger, caused_at__gte=since, state=RunState.SENT)
    gone = gone.order_by()
    failed = gone.filter(message__status__in=[Status.FAILED, Status.CANCELLED])
    reasons = Counter(dict(failed.values_list("message__reason").annotate(Count("pk"))))
    clicks = Click.objects.filter(run__in=gone)
    sends = Send.objects.filter(run__in=gone).exclude(code=None)
    clicked, redeemed, given = None, None, sends.count()
    if has_links(trigger) or clicks.exists():
        clicked = Share(clicks.values("run").distinct().count(), sent)
    if given:
        used = sends.filter(uses__isnull=False, uses__undone_at=None)
        redeemed = Share(used.distinct().count(), given)
    return Effect(
        failures=[(say(code), count) for code, count in reasons.most_common()],
        clicked=clicked,
        redeemed=redeemed,
        stops=_stops(gone),
        addresses=followed(clicks),
        cents=_spent(gone, since),
    )


def _spent(gone: "QuerySet[Run]", since: datetime) -> int:
    """A purchase counts once, however many messages came before it."""
    theirs = gone.annotate(who=living()).filter(
        who=OuterRef("who"), done_at__lte=OuterRef("at"), done_at__gt=OuterRef("at") - WATCHED
    )
    bought = Purchase.objects.filter(at__gte=since).annotate(who=living())
    standing = bought.filter(Exists(theirs), cancelled_at=None)
    return int(standing.aggregate(cents=Sum("amount_cents", default=0))["cents"])


def _stops(gone: "QuerySet[Run]") -> int:
    """People who said stop in the week after their message."""
    said = ConsentEvent.objects.annotate(who=living()).filter(
        who=OuterRef("who"),
        state=ConsentState.WITHDRAWN,
        at__gte=OuterRef("done_at"),
        at__lt=OuterRef("done_at") + timedelta(days=7),
    )
    return gone.annotate(who=living()).filter(Exists(said)).values("who").distinct().count()


def latest(trigger: Trigger) -> list[Run]:
    """The last who met it, with what came of it."""
    runs = Run.objects.filter(trigger=trigger).select_related("contact", "message")
    return list(runs.order_by("-caused_at", "-pk")[:SHOWN])


@dataclass(frozen=True, slots=True)
class LookBack:
    """Who would have received it: ``count`` people, the last ten of them, and why not others."""

    count: int
    people: list[tuple[Contact, datetime]]
    left_out: list[tuple[str, int]]

    @property
    def more(self) -> int:
        return self.count - len(self.people)


def look_back(trigger: Trigger, shop: Shop, now: datetime) -> LookBack:
    """Who met it in the last thirty days, by the very rules it leaves by, and may be written to
    as they stand today. The cap is left aside: what else would have been sent is not known."""
    met = chosen(trigger, KINDS[trigger.kind].met(trigger.settings, now - LATELY, now), now)
    at = {one.contact_id: one.at for one in sorted(met, key=lambda one: one.at)}
    reached: list[tuple[Contact, datetime]] = []
    left_out: Counter[str] = Counter()
    people = Contact.objects.living().filter(pk__in=at).select_related("card")
    for person in people:
        channel, reason = way_to(person, trigger, shop, now)
        if channel:
            reached.append((person, at[person.pk]))
        else:
            left_out[reason] += 1
    reached.sort(key=lambda one: one[1], reverse=True)
    told = [(say(reason), count) for reason, count in left_out.most_common()]
    return LookBack(len(reached), reached[:NAMED], told)
