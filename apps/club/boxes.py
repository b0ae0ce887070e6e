"""One box, before it is packed: what its member chooses, swaps, skips, and what the team changes.

Every verb holds the box, then its shelves (``filling``). Who skips is held first, since the shop
says how often a year.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import Variant
from apps.club import filling, rounds
from apps.club.box_models import Box, BoxState, Round, Wish
from apps.club.composing import Bottle
from apps.club.filling import Content, Offered
from apps.club.models import ChosenBy, Member
from apps.club.story import tell
from apps.core.actor import Actor
from apps.core.money import show_euros
from apps.core.refusal import Refusal


class TooLate(Refusal):
    message = _("Cette box est déjà en préparation : elle ne se change plus.")


class NotThatMany(Refusal):
    message = _("Votre box compte %(many)s bouteilles : vous en avez choisi %(chosen)s.")
    status = 422


class NotOffered(Refusal):
    message = _("Cette bouteille n’est pas proposée pour cette box.")
    status = 422


class NotInTheBox(Refusal):
    message = _("Cette bouteille n’est plus dans la box.")


class OtherPrice(Refusal):
    """A swap is for the same price: nothing is paid beside the subscription."""

    status = 422

    def __init__(self, cents: int) -> None:
        more = _("Cette bouteille coûte %(gap)s de plus : un échange se fait à prix égal.")
        less = _("Cette bouteille coûte %(gap)s de moins : un échange se fait à prix égal.")
        super().__init__(more if cents > 0 else less, gap=show_euros(abs(cents)))


class NoSkipLeft(Refusal):
    message = _("Vous avez déjà passé %(many)s box cette année, le nombre convenu.")


class NeverSkips(Refusal):
    message = _("Cette boutique ne permet pas de passer une box.")


# --- looked at ------------------------------------------------------------------------------


def choosing(one: Round, now: datetime) -> bool:
    """Whether members may still choose, swap or skip."""
    return one.chosen_at is None and timezone.localdate(now) <= one.choose_until


def may_change(box: Box, now: datetime) -> bool:
    """Whether its member may."""
    return box.state == BoxState.OPEN and choosing(box.round, now)


def offered_for(box: Box) -> list[Bottle]:
    """What may go into it; two queries."""
    return Offered.of(box.round_id, [box]).for_box(box)


def skips_left(member: Member, year: int) -> int:
    """How many boxes the member may still put off in ``year``."""
    skipped = Box.objects.filter(member=member, skipped_at__isnull=False, round__month__year=year)
    return max(0, rounds.the_rule().skips_a_year - skipped.count())


def _held(box_id: int) -> Box:
    boxes = Box.objects.select_for_update(of=("self",)).select_related("member__plan", "round")
    return boxes.get(pk=box_id)


def _changing(box_id: int, by: Actor, now: datetime) -> Box:
    """Held, and to be changed: by its member in time, by the team until it is packed. Raises
    ``TooLate``."""
    box = _held(box_id)
    open_to_team = by.kind == "team" and box.state == BoxState.OPEN and box.round.is_open
    if not open_to_team and not may_change(box, now):
        raise TooLate()
    return box


def tell_of(box: Box, what: str, by: Actor, now: datetime) -> None:
    """A line of its member's story."""
    month_on = box.round.month.isoformat()
    tell(box.member, f"box_{what}", now=now, by=by, box=box.pk, month_on=month_on)


# --- chosen ---------------------------------------------------------------------------------


@transaction.atomic
def choose(box_id: int, wanted: Mapping[int, int], *, by: Actor, now: datetime) -> Box:
    """So many of each bottle, by variant: those and no others go into the box.

    Raises ``TooLate``, ``NotThatMany``, ``NotOffered``, ``BottleShort``.
    """
    box = _changing(box_id, by, now)
    content = Content({pk: units for pk, units in wanted.items() if units > 0})
    if content.total() != box.bottles:
        raise NotThatMany(many=box.bottles, chosen=content.total())
    if not content.keys() <= {one.variant_id for one in offered_for(box)}:
        raise NotOffered()
    return _keep(box, content, "chose", by, now)


@transaction.atomic
def swap(box_id: int, out: int, into: int, *, by: Actor, now: datetime) -> Box:
    """One bottle of the variant ``out`` for one of ``into``; a member's at the same price.

    Raises ``TooLate``, ``NotInTheBox``, ``NotOffered``, ``OtherPrice``, ``BottleShort``.
    """
    box = _changing(box_id, by, now)
    content = filling.content_of(box)
    if not content[out]:
        raise NotInTheBox()
    if into not in {one.variant_id for one in offered_for(box)}:
        raise NotOffered()
    if by.kind != "team":
        prices = dict(Variant.objects.filter(pk__in=[out, into]).values_list("pk", "price_cents"))
        if gap := prices[into] - prices[out]:
            raise OtherPrice(gap)
    return _keep(box, +(content - Content([out])) + Content([into]), "swapped", by, now)


def _keep(box: Box, content: Content, told: str, by: Actor, now: datetime) -> Box:
    filling.change(box, content, now)
    box.chosen_at = now
    box.save(update_fields=["chosen_at"])
    tell_of(box, told, by, now)
    return box


@transaction.atomic
def leave_to_shop(box_id: int, *, by: Actor, now: datetime) -> Box:
    """What was chosen is given up: the shop composes. Raises ``TooLate``."""
    box = _changing(box_id, by, now)
    box.chosen_at = None
    box.save(update_fields=["chosen_at"])
    _compose(box, now)
    tell_of(box, "left_to_shop", by, now)
    return box


def _compose(box: Box, now: datetime) -> None:
    if box.member.plan.chosen_by == ChosenBy.SHOP or box.round.chosen_at:
        filling.refill([box], Offered.of(box.round_id, [box]), now)
    else:
        filling.empty([box], now)


@transaction.atomic
def refuse_colours(member_id: int, colours: list[str], *, by: Actor, now: datetime) -> None:
    """Never in this member's boxes from now on; those that the shop composes are filled anew."""
    member = Member.objects.select_for_update(no_key=True).get(pk=member_id)
    Wish.objects.update_or_create(member=member, defaults={"refused": sorted(set(colours))})
    tell(member, "wished", now=now, by=by)
    open_boxes = Box.objects.filter(member=member, state=BoxState.OPEN, chosen_at=None)
    for pk in open_boxes.filter(round__closed_at=None).values_list("pk", flat=True):
        _compose(_held(pk), now)


# --- skipped --------------------------------------------------------------------------------


@transaction.atomic
def skip(box_id: int, *, by: Actor, now: datetime) -> Box:
    """Put off to the next round; so often a year as the shop lets its members.

    Raises ``TooLate``, ``NoSkipLeft``, ``NeverSkips``. Twice is once.
    """
    owner = Box.objects.values_list("member", flat=True).get(pk=box_id)
    member = Member.objects.select_for_update(no_key=True).get(pk=owner)
    box = _held(box_id)
    if box.skipped_at:
        return box
    box = _changing(box_id, by, now)
    if by.kind != "team" and not skips_left(member, box.round.month.year):
        most = rounds.the_rule().skips_a_year
        raise NoSkipLeft(many=most) if most else NeverSkips()
    rounds.put_off([box], now)
    Box.objects.filter(pk=box.pk).update(skipped_at=now)
    tell_of(box, "skipped", by, now)
    return _held(box_id)


@transaction.atomic
def take_again(box_id: int, *, by: Actor, now: datetime) -> Box:
    """The skip is taken back, as long as one may choose. Raises ``TooLate``; twice is once."""
    box = _held(box_id)
    if box.skipped_at is None:
        return box
    made_since = Box.objects.standing().filter(period=box.period_id).exists()
    box.state, box.skipped_at = BoxState.OPEN, None
    if made_since or not may_change(box, now):
        raise TooLate()
    box.save(update_fields=["state", "skipped_at"])
    _compose(box, now)
    tell_of(box, "unskipped", by, now)
    return box
