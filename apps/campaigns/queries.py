"""How drops go: the list, one drop's results, the last one's in a sentence."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    CharField,
    Count,
    F,
    Func,
    JSONField,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    Window,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import (
    Cast,
    Coalesce,
    Concat,
    JSONObject,
    RowNumber,
    TruncDate,
)
from django.utils.translation import ngettext

from apps.campaigns import addresses
from apps.campaigns.comparing import Comparison, Share, Spent, Takings, brought, said
from apps.campaigns.models import Address, Click, Drop, Link, State, Trigger, Use
from apps.campaigns.timing import Wave
from apps.campaigns.writing import uses
from apps.catalog.models import Purchase
from apps.contacts.channels import named
from apps.contacts.models import ConsentEvent, ConsentState
from apps.core.templatetags.french import euros, jour, nombre
from apps.loyalty.models import Movement, MovementKind
from apps.messaging.holding import NEVER
from apps.messaging.models import Kind, Message, Status
from apps.messaging.outcome import BOUNCED
from apps.messaging.quality import refused_shares
from apps.messaging.reasons import say

_WAITING = (Status.QUEUED, Status.SENDING)


@dataclass(slots=True)
class Result:
    """One drop and its messages by status; ``cost_tenths`` of a cent so far."""

    drop: Drop
    by_status: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    cost_tenths: int = 0

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Rows of ``tally``, also as they are kept."""
        for row in rows:
            self.by_status[row["status"]] += row["count"]
            self.cost_tenths += row["cost"]

    @property
    def total(self) -> int:
        return sum(self.by_status.values())

    @property
    def waiting(self) -> int:
        return sum(self.by_status[status] for status in _WAITING)

    @property
    def gone(self) -> int:
        return self.total - self.waiting

    @property
    def sent(self) -> int:
        return self.by_status[Status.SENT]

    @property
    def delivered(self) -> int:
        return self.by_status[Status.DELIVERED]

    @property
    def failed(self) -> int:
        return self.by_status[Status.FAILED]

    @property
    def unknown(self) -> int:
        return self.by_status[Status.UNKNOWN]

    @property
    def cancelled(self) -> int:
        return self.by_status[Status.CANCELLED]

    @property
    def cost_cents(self) -> int:
        return round(self.cost_tenths / 10)

    @property
    def sentence(self) -> str:
        """« 388 reçus, 12 envoyés, 2 échoués, 27,16 € »."""
        said = []
        for count, one, many in (
            (self.delivered, "%s reçu", "%s reçus"),
            (self.sent, "%s envoyé", "%s envoyés"),
            (self.waiting, "%s en attente", "%s en attente"),
            (self.failed, "%s échoué", "%s échoués"),
            (self.unknown, "%s incertain", "%s incertains"),
            (self.cancelled, "%s non envoyé", "%s non envoyés"),
        ):
            if count:
                said.append(ngettext(one, many, count) % nombre(count))
        if self.cost_cents:
            said.append(euros(self.cost_cents))
        nothing = "la liste se prépare" if self.drop.moves else "personne à qui l’envoyer"
        return ", ".join(said) or nothing


def tally(*causes: str | Combinable) -> "QuerySet[Message, Any]":
    """The messages of each of ``causes`` by status: how many, and their cost so far."""
    its = Message.objects.filter(cause__in=causes).order_by()
    return its.values("cause", "status").annotate(count=Count("pk"), cost=Sum("cost_tenths"))


def results(drops: Iterable[Drop]) -> list[Result]:
    """Each drop with its messages by status, in at most one query for all.

    Only the messages of drops whose counts are not kept are counted.
    """
    found = {drop.cause: Result(drop) for drop in drops}
    moving = []
    for cause, result in found.items():
        if result.drop.counts is not None:
            result.add(result.drop.counts)
        elif result.drop.state != State.DRAFT:
            moving.append(cause)
    if moving:
        for row in tally(*moving):
            found[row["cause"]].add([row])
    return list(found.values())


def latest_result() -> Result | None:
    """The last drop that was launched, with how it went; one query."""
    its = tally(Concat(Value("drop:"), Cast(OuterRef("pk"), CharField())))
    rows = ArraySubquery(its.values(row=JSONObject(status="status", count="count", cost="cost")))
    live = Func(rows, function="to_jsonb", output_field=JSONField())
    launched = Drop.objects.exclude(state__in=[State.DRAFT, State.SCHEDULED])
    told = launched.annotate(told=Coalesce("counts", live)).order_by("-launched_at", "-pk")
    drop = told.first()
    if drop is None:
        return None
    result = Result(drop)
    result.add(drop.told)
    return result


@dataclass(frozen=True, slots=True)
class Trouble:
    """Messages of a drop that did not arrive for one reason, and some of the people."""

    reason: str
    count: int
    people: Sequence[Message]


SHOWN = 20  # people named for each reason


def troubles(drop: Drop) -> list[Trouble]:
    """Why messages failed or were held back, most frequent first; one query for all reasons."""
    missed = Message.objects.filter(
        cause=drop.cause, status__in=[Status.FAILED, Status.CANCELLED, Status.UNKNOWN]
    ).exclude(reason="called_off")
    alike = F("reason")
    shown = missed.select_related("contact").annotate(
        many=Window(Count("pk"), partition_by=alike),
        place=Window(RowNumber(), partition_by=alike, order_by="pk"),
    )
    rows = shown.filter(place__lte=SHOWN).order_by("-many", "reason", "pk")
    return [
        Trouble(say(reason), people[0].many, people)
        for reason, people in ((r, list(g)) for r, g in groupby(rows, attrgetter("reason")))
    ]


def goes_on_at(drop: Drop) -> datetime | None:
    """When the next of the drop's messages is due; None when nothing waits. The queue's own
    index is walked from its head."""
    waits = Message.objects.filter(kind=Kind.COMMERCIAL, available_at__isnull=False)
    due = waits.filter(cause=drop.cause).order_by("available_at", "pk")
    return due.values_list("available_at", flat=True).first()


def waves(drop: Drop, now: datetime) -> list[Wave]:
    """How many of the drop's messages wait for which day, and why."""
    waits = Message.objects.filter(cause=drop.cause, available_at__gt=now, available_at__lt=NEVER)
    days = waits.order_by().values_list(TruncDate("available_at"), "reason")
    return [Wave(*found) for found in days.annotate(Count("pk"))]


def stops(drop: Drop) -> int:
    """People who said stop in the week after they were written to."""
    if drop.launched_at is None:
        return 0
    until = drop.launched_at + timedelta(days=7)
    withdrawn = ConsentEvent.objects.filter(
        state=ConsentState.WITHDRAWN, at__gte=drop.launched_at, at__lt=until
    )
    who = living()
    written_to = Message.objects.filter(cause=drop.cause).values(who=who)
    return withdrawn.annotate(who=who).filter(who__in=written_to).values("who").distinct().count()


def living() -> Coalesce:
    """The record that speaks today for a row's person: who was written to under another, and
    merged since, comes and clicks under this one."""
    return Coalesce("contact__merged_into", "contact")


def unwelcome(result: Result, stopped: int) -> str:
    """That more people than usual refused the drop, by a stop or by an address that is no good;
    empty while it is welcome, or too few have had it to judge."""
    left = result.sent + result.delivered + result.failed
    bounced = Message.objects.filter(cause=result.drop.cause, reason__in=BOUNCED).count()
    shares = refused_shares(left, stopped, left, bounced)
    return f"{' et '.join(shares)} sur ce message." if shares else ""


@dataclass(frozen=True, slots=True)
class ByChannel:
    label: str
    total: int
    done: int


def by_channel(drop: Drop) -> list[ByChannel]:
    """How far each channel is."""
    rows = Message.objects.filter(cause=drop.cause).order_by().values("channel")
    gone = Count("pk", filter=~Q(status__in=_WAITING))
    return [
        ByChannel(str(named(row["channel"])), row["total"], row["done"])
        for row in rows.annotate(total=Count("pk"), done=gone).order_by("-channel")
    ]


WATCHED = timedelta(days=14)  # how long a visit after a message counts as one
Group = tuple["QuerySet[Any, Any]", int]  # who stands in it, and how many


@dataclass(frozen=True, slots=True)
class Effect:
    """What people did since they were written to, beside those who were kept without.

    ``until`` is when one stops looking; ``clicked`` is None for a drop without links,
    ``redeemed`` for one without codes; ``addresses``: see ``followed``.
    """

    came: Comparison
    clicked: Share | None
    redeemed: Share | None
    until: datetime
    addresses: list[tuple[str, int]]
    bought: Takings

    @property
    def sentence(self) -> str:
        return said(self.came)

    @property
    def on_money(self) -> str:
        return brought(self.bought)

    @property
    def explained(self) -> str:
        """What was counted, and how sure it is."""
        what = "Passages tamponnés et achats notés à leur nom"
        counted = f"{what} dans les {WATCHED.days} jours, jusqu’au {jour(self.until)}."
        if not self.sentence:
            return counted
        sure = "19 fois sur 20, le vrai chiffre est dans cette fourchette."
        return f"{counted} Les deux groupes sont tirés au sort ; {sure}"


def has_links(words: Drop | Trigger) -> bool:
    """Whether somebody could follow a link of it that is counted."""
    texts = [words.written(channel) for channel in words.channels]
    told = any(uses(text, name) for text in texts for name in ("lien", "bon", "réserver"))
    return told or bool(addresses.typed_in(words.counted))


def followed(clicks: "QuerySet[Click]") -> list[tuple[str, int]]:
    """The pages that the shop named, with how many people went there, most first."""
    gone = clicks.exclude(link__in=Link.values).order_by().values_list("link")
    people = dict(gone.annotate(people=Count(living(), distinct=True)))
    urls = Address.objects.in_bulk(people)
    told = [(addresses.shown(urls[key].url), many) for key, many in people.items() if key in urls]
    return sorted(told, key=lambda one: (-one[1], one[0]))


def came_after(launched_at: datetime) -> "QuerySet[Movement]":
    """Visits that one looks at after a message."""
    until = launched_at + WATCHED
    visits = Movement.objects.filter(kind=MovementKind.EARN, undone_by=None)
    return visits.filter(at__gte=launched_at, at__lt=until)


def effect(drop: Drop) -> Effect | None:
    """Everybody who was taken counts, whether or not their message arrived: only so are the two
    groups alike but for the message."""
    if drop.launched_at is None:
        return None
    until, visits = drop.launched_at + WATCHED, came_after(drop.launched_at)
    written_to = Message.objects.filter(cause=drop.cause).values(who=living())
    held = drop.sends.filter(held_out=True).values(who=living())
    kept = held.count() if drop.hold_out else 0

    def share(people: "QuerySet[Any, Any]", count: int) -> Share:
        came = visits.filter(card__contact_id__in=people).values("card__contact_id").distinct()
        return Share(min(came.count(), count), count) if count else Share(0, 0)

    redeemed = None
    if drop.offer:
        used = Use.objects.filter(send__drop=drop, undone_at=None)
        redeemed = Share(used.count(), drop.sends.exclude(code=None).count())
    got = share(written_to, max(drop.audience_size - kept, 0))
    clicked = None
    if any(has_links(text) for text in drop.texts.values()):
        clicks = drop.clicks.values(who=living()).distinct().count()
        clicked = Share(min(clicks, got.all), got.all)
    came = Comparison(got, share(held, kept))
    bought = Purchase.objects.filter(at__gte=drop.launched_at, at__lt=until)
    takings = _takings(bought, (written_to, got.all), (held, kept))
    return Effect(came, clicked, redeemed, until, followed(drop.clicks.all()), takings)


def _takings(purchases: "QuerySet[Purchase]", one: Group, other: Group) -> Takings:
    """Of two groups, of whom those without a purchase spent nothing."""
    theirs = Q(who__in=one[0]) | Q(who__in=other[0])
    standing = purchases.filter(cancelled_at=None).annotate(who=living()).filter(theirs)
    each = standing.order_by().values("who").annotate(cents=Sum("amount_cents"))
    square = F("cents") * F("cents")
    found = each.aggregate(
        **{
            f"{name}_{side}": Sum(what, filter=Q(who__in=people), default=0)
            for side, (people, _count) in (("one", one), ("other", other))
            for name, what in (("cents", F("cents")), ("squares", square))
        }
    )

    def spent(side: str, count: int) -> Spent:
        return Spent(count, int(found[f"cents_{side}"]), int(found[f"squares_{side}"]))

    return Takings(spent("one", one[1]), spent("other", other[1]))
