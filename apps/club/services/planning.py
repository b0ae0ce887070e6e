"""What the club offers: plans made, changed, closed, opened again; the places they have left."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.catalog.details import WINE_COLOURS
from apps.club.models import ChosenBy, ClubPlan, Every, Member, Waiting
from apps.core.actor import Actor
from apps.core.refusal import Refusal

_PROMISED = {"every", "bottles", "term_months"}  # read from the plan for its members too
DUE = "club"  # in the due-index: places to be given back, gifts that end


class PlanGone(Refusal):
    message = _("Cette formule n’est plus proposée.")


class NoSuchColour(Refusal):
    message = _("Cette couleur n’existe pas.")
    status = 422


class FewerThanMembers(Refusal):
    message = _("%(members)d places sont prises : la formule ne peut pas en avoir moins.")
    status = 422


class Promised(Refusal):
    message = _(
        "Des membres ont choisi cette formule pour son rythme, ses bouteilles et sa durée : "
        "fermez-la aux nouveaux, et écrivez-en une autre."
    )
    status = 422


@dataclass(frozen=True, slots=True)
class PlanWords:
    """A plan as the form cleaned it; see ``ClubPlan``."""

    name: str
    price_cents: int
    bottles: int
    words: str = ""
    every: int = Every.MONTH
    colours: Sequence[str] = field(default_factory=list)
    chosen_by: str = ChosenBy.SHOP
    places: int | None = None
    term_months: int | None = None
    ship_cents: int | None = None
    vat: int = 2000
    is_giftable: bool = True


@transaction.atomic
def save_plan(
    words: PlanWords, *, by: Actor, now: datetime, plan: ClubPlan | None = None
) -> ClubPlan:
    """Make a plan or change it. Who is a member keeps what was agreed. Raises ``NoSuchColour``,
    ``FewerThanMembers``, ``Promised``."""
    if set(words.colours) - set(WINE_COLOURS):
        raise NoSuchColour()
    held = hold(plan.pk) if plan else ClubPlan(made_at=now)
    taken = seated(held, now) if plan else 0
    if words.places is not None and words.places < taken:
        raise FewerThanMembers(members=taken)
    wanted = {one.name: getattr(words, one.name) for one in fields(words)}
    wanted["colours"] = list(words.colours)
    changed = sorted(name for name, value in wanted.items() if getattr(held, name) != value)
    if taken and _PROMISED.intersection(changed):
        raise Promised()
    for name in changed:
        setattr(held, name, wanted[name])
    held.save()
    if changed:
        record(by, "club.plan", "club_plan", held.pk, after={"changed": changed})
    return held


@transaction.atomic
def close_plan(plan: ClubPlan, *, by: Actor, now: datetime) -> None:
    """Nobody joins any more; who is a member stays one."""
    if ClubPlan.objects.open().filter(pk=plan.pk).update(closed_at=now):
        record(by, "club.close", "club_plan", plan.pk)


@transaction.atomic
def open_plan(plan: ClubPlan, *, by: Actor) -> None:
    """It is offered again."""
    if ClubPlan.objects.filter(pk=plan.pk).exclude(closed_at=None).update(closed_at=None):
        record(by, "club.open", "club_plan", plan.pk)


def hold(plan_id: int) -> ClubPlan:
    """The plan under its lock: whoever gives a place away waits for it."""
    return ClubPlan.objects.select_for_update().get(pk=plan_id)


def seated(plan: ClubPlan, now: datetime) -> int:
    """How many places are taken, or kept for who is paying at this moment."""
    return Member.objects.filter(Member.seated(now), plan=plan).count()


def free_places(plan: ClubPlan, now: datetime) -> int | None:
    """What may be offered to who is first in line; None: as many as want."""
    if plan.places is None:
        return None
    offered = Waiting.objects.filter(plan=plan, ended_at=None, answer_by__gt=now).count()
    return max(0, plan.places - seated(plan, now) - offered)


def places_left(plan: ClubPlan, now: datetime) -> int | None:
    """What somebody from the street may have: who stands in line goes first."""
    if plan.places is None:
        return None
    line = Waiting.objects.filter(plan=plan, ended_at=None).count()
    return max(0, plan.places - seated(plan, now) - line)
