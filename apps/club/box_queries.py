"""The boxes as they are read: a round's tally and list, what to fetch from the shelves, a story."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import groupby

from django.db.models import Count, F, Prefetch, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from apps.accounts.models import User
from apps.catalog.details import WINE_COLOURS, facet_words
from apps.catalog.models import Variant
from apps.club.box_models import WAITS, Box, BoxLine, BoxState, Round
from apps.club.models import Handover
from apps.club.queries import records
from apps.club.story import Line, line_of
from apps.contacts.models import Contact

PAGE = 50


@dataclass(frozen=True, slots=True)
class Tally:
    """The boxes of a round, counted. ``held_back`` are those to be settled first."""

    to_pack: int = 0
    held_back: int = 0
    packed: int = 0
    handed: int = 0
    shipped: int = 0
    put_off: int = 0

    @property
    def done(self) -> int:
        """Packed, whether or not they have left."""
        return self.packed + self.handed + self.shipped

    @property
    def left(self) -> int:
        return self.handed + self.shipped

    @property
    def to_do(self) -> int:
        """All that can be packed, packed or not."""
        return self.to_pack + self.done


def _counts() -> dict[str, Count]:
    is_open = Q(state=BoxState.OPEN)
    plain = {state: Count("pk", filter=Q(state=state)) for state in (*_LEFT, BoxState.PUT_OFF)}
    return {
        "to_pack": Count("pk", filter=is_open & ~WAITS),
        "held_back": Count("pk", filter=is_open & WAITS),
        **{str(state): count for state, count in plain.items()},
    }


_LEFT = (BoxState.PACKED, BoxState.HANDED, BoxState.SHIPPED)


def tallies(rounds: Sequence[Round]) -> dict[int, Tally]:
    """By the round's key; one query for all."""
    names = [one.name for one in fields(Tally)]
    rows = Box.objects.filter(round__in=rounds).order_by().values("round").annotate(**_counts())
    found = {key: Tally(*told) for key, *told in rows.values_list("round", *names)}
    return {one.pk: found.get(one.pk, Tally()) for one in rounds}


def tally(one: Round) -> Tally:
    return tallies([one])[one.pk]


# --- a round's boxes ------------------------------------------------------------------------

# What the list may be narrowed to: its words, and which boxes.
SHOWN: dict[str, tuple[str, Q]] = {
    "a-preparer": ("À préparer", Q(state=BoxState.OPEN) & ~WAITS),
    "en-attente": ("En attente", Q(state=BoxState.OPEN) & WAITS),
    "pretes": ("Prêtes", Q(state=BoxState.PACKED)),
    "parties": ("Parties", Q(state=BoxState.HANDED) | Q(state=BoxState.SHIPPED)),
    "reportees": ("Reportées", Q(state=BoxState.PUT_OFF) | Q(state=BoxState.CANCELLED)),
}


def with_content(boxes: "QuerySet[Box]") -> "QuerySet[Box]":
    """With its member, plan, person and bottles; three queries however many boxes."""
    lines = BoxLine.objects.select_related("variant__product").order_by("variant")
    related = ("round", "period", "member__plan", "member__contact__merged_into")
    return boxes.select_related(*related).prefetch_related(Prefetch("lines", lines))


def listed(one: Round, shown: str, text: str = "") -> "QuerySet[Box]":
    """Its boxes by their members' names."""
    found = with_content(Box.objects.filter(SHOWN[shown][1], round=one))
    if text:
        found = found.filter(member__contact__in=records(text))
    return found.order_by("member__contact__search", "pk")


def to_hand_over(text: str = "", contact: Contact | None = None) -> "QuerySet[Box]":
    """What waits at the shop to be fetched, by name; of whom ``text`` finds, or of one person."""
    ready = Box.objects.filter(state=BoxState.PACKED, member__handover=Handover.PICKUP)
    if text:
        ready = ready.filter(member__contact__in=records(text))
    if contact:
        ready = ready.of(contact)
    related = ("round", "member__plan", "member__contact__merged_into")
    return ready.select_related(*related).order_by("member__contact__search", "pk")


# --- what to fetch from the shelves ---------------------------------------------------------

_COLOURS = {colour: place for place, colour in enumerate(WINE_COLOURS)}


@dataclass(frozen=True, slots=True)
class Pull:
    """So many of a bottle for the boxes that may be packed; ``variant`` says what stands there."""

    variant: Variant
    units: int
    boxes: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """The bottles of one colour."""

    colour: str
    pulls: list[Pull]

    @property
    def units(self) -> int:
        return sum(pull.units for pull in self.pulls)


def _place(colour: str) -> tuple[int, str]:
    """Where a colour stands on a wine list; what has none, at its end."""
    return _COLOURS.get(colour, len(_COLOURS)), colour


def preparation(one: Round) -> list[Shelf]:
    """What is still to be pulled, by colour, then region and name; two queries."""
    lines = BoxLine.objects.filter(box__in=Box.objects.to_pack().filter(round=one))
    rows = lines.order_by().values("variant").annotate(units=Sum("units"), boxes=Count("pk"))
    asked = {row["variant"]: row for row in rows}
    variants = Variant.objects.filter(pk__in=asked).select_related("product")
    ordered = sorted(
        variants.order_by("product__region", "product__name", "position", "pk"),
        key=lambda variant: _place(variant.product.colour),
    )
    pulls = [Pull(v, asked[v.pk]["units"], asked[v.pk]["boxes"]) for v in ordered]
    by_colour = groupby(pulls, key=lambda pull: pull.variant.product.colour)
    return [
        Shelf(facet_words("colour", colour) if colour else "Autres", list(found))
        for colour, found in by_colour
    ]


def short(one: Round) -> "QuerySet[Box]":
    """Boxes that may be packed and are not full: the shelves had no more."""
    found = Box.objects.to_pack().filter(round=one).alias(filled=Coalesce(Sum("lines__units"), 0))
    composed = Q(filled__gt=0) | Q(round__chosen_at__isnull=False)
    return found.filter(composed, filled__lt=F("bottles"))


# --- what became of one ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """One line of a box's story, and who of the team did it."""

    line: Line
    by: str


def story(box: Box) -> list[Told]:
    """Newest first; two queries."""
    events = list(box.member.story.filter(words__box=box.pk).order_by("-at", "-pk"))
    team = {event.actor_id or 0 for event in events if event.actor_kind == "team"}
    names = {user.pk: user.get_short_name() for user in User.objects.filter(pk__in=team)}
    by = {"customer": "le membre"}
    return [
        Told(line_of(one), names.get(one.actor_id or 0, "") or by.get(one.actor_kind, ""))
        for one in events
    ]
