"""A drop's two texts side by side: who read which, what they did, and what chance alone does.

Only those of the trial are compared, whom a lot drew apart. Who read the picked text afterwards is
counted beside them.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from apps.campaigns.comparing import Comparison, Share
from apps.campaigns.models import Drop, Pick
from apps.campaigns.queries import came_after, has_links, living
from apps.campaigns.splitting import rival_of, side_of
from apps.messaging.models import Message, Status


class Measure(TextChoices):
    """What a text is good for; the first that a drop has counts."""

    CLICKS = "clicked", _("clics")
    CODES = "redeemed", _("codes utilisés")
    VISITS = "came", _("visites")


def measure(drop: Drop) -> Measure:
    """What the drop's texts are compared by."""
    if all(has_links(text) for text in drop.texts.values()):
        return Measure.CLICKS
    return Measure.CODES if drop.offer else Measure.VISITS


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two texts; without links nothing is ``clicked``, without codes ``redeemed``."""

    key: str
    text: Drop
    people: int
    delivered: int
    failed: int
    came: Share
    clicked: Share | None
    redeemed: Share | None

    @property
    def name(self) -> str:
        return f"Texte {self.key.upper()}"

    @property
    def shares(self) -> list[tuple[str, Share]]:
        """What its readers did, as far as it was there to be done."""
        told = (_("Ont suivi le lien"), self.clicked), (_("Codes utilisés"), self.redeemed)
        done = [(str(label), share) for label, share in told if share is not None]
        return [*done, (str(_("Venus depuis")), self.came)]


@dataclass(frozen=True, slots=True)
class Versus:
    """``others`` read the picked text after the trial."""

    a: Side
    b: Side
    others: int
    by: Measure

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.a, self.b

    @property
    def measured(self) -> Comparison:
        """B beside A, by what they are compared by."""
        return Comparison(getattr(self.b, self.by), getattr(self.a, self.by))

    @property
    def seen(self) -> dict[str, list[int]]:
        """What a pick is made on: by text, how many people of how many."""
        a, b = self.measured.other, self.measured.one
        return {Pick.A.value: [a.some, a.all], Pick.B.value: [b.some, b.all]}

    @property
    def sentence(self) -> str:
        """What the figures let one say."""
        return concluded(self.measured, self.by)


def concluded(found: Comparison, by: Measure) -> str:
    """B beside A in one sentence; the figures are of a hundred people."""
    if not (found.one.all and found.other.all):
        return "Personne n’a encore été tiré au sort pour l’un des deux textes."
    low, high = found.interval
    if found.concludes:
        better, (low, high) = ("B", (low, high)) if low > 0 else ("A", (-high, -low))
        return (
            f"Le texte {better} fait mieux : pour 100 personnes, entre {_hundred(low)} et "
            f"{_hundred(high)} {by.label} de plus."
        )
    return (
        "Trop peu de monde pour conclure, l’écart peut venir du hasard : pour 100 personnes, le "
        f"texte B fait entre {_hundred(max(-low, 0))} {by.label} de moins et "
        f"{_hundred(max(high, 0))} de plus."
    )


def _hundred(rate: float) -> str:
    found = 100 * rate
    return f"{found:.0f}" if found >= 10 else f"{found:.1f}".removesuffix(".0").replace(".", ",")


def versus(drop: Drop) -> Versus | None:
    """How the two texts of a launched drop do; None for one that has a single text."""
    if rival_of(drop) is None or drop.launched_at is None:
        return None
    went, by = _went(drop), measure(drop)
    clicks = _people(drop, drop.clicks.all()) if by == Measure.CLICKS else None
    used = drop.sends.filter(uses__isnull=False, uses__undone_at=None)
    codes = _people(drop, used) if drop.offer else None
    visits = came_after(drop.launched_at).filter(card__contact_id=OuterRef("who"))
    written_to = Message.objects.filter(cause=drop.cause).annotate(who=living())
    came = _people(drop, written_to.filter(Exists(visits)))

    def side(pick: str, text: Drop) -> Side:
        row = went.get(pick, {})
        people = row.get("people", 0)

        def share(some: Mapping[str, int] | None) -> Share | None:
            return None if some is None else Share(min(some.get(pick, 0), people), people)

        return Side(
            key=pick,
            text=text,
            people=people,
            delivered=row.get("delivered", 0),
            failed=row.get("failed", 0),
            came=share(came) or Share(0, 0),
            clicked=share(clicks),
            redeemed=share(codes),
        )

    a, b = (side(pick, text) for pick, text in drop.texts.items())
    return Versus(a, b, went.get("", {}).get("people", 0), by)


def _sides(drop: Drop, rows: "QuerySet[Any]") -> "QuerySet[Any, Any]":
    return rows.order_by().annotate(side=side_of(drop)).values("side")


def _went(drop: Drop) -> dict[str, dict[str, int]]:
    """By side: people who were written to, messages that arrived, messages that did not."""
    rows = _sides(drop, Message.objects.filter(cause=drop.cause)).annotate(
        people=Count(living(), distinct=True),
        delivered=Count("pk", filter=Q(status=Status.DELIVERED)),
        failed=Count("pk", filter=Q(status=Status.FAILED)),
    )
    return {row["side"]: row for row in rows}


def _people(drop: Drop, rows: "QuerySet[Any]") -> Counter[str]:
    """How many different people of each side stand in ``rows``."""
    counted = _sides(drop, rows).annotate(people=Count(living(), distinct=True))
    return Counter({side: people for side, people in counted.values_list("side", "people")})


def better(found: Versus) -> str:
    """The text whose figures are better by more than chance; nothing when that is open."""
    if not found.measured.concludes:
        return ""
    return str(Pick.B if found.measured.difference > 0 else Pick.A)
