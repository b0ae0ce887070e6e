"""A round: opened, its boxes made, choices closed, done. Its jobs may die and run again.

Who gets a box of it is one rule, ``owed``: each period that is paid, or still asked for, has one.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.catalog.models import Variant
from apps.club import filling
from apps.club.box_models import Box, BoxRule, BoxState, Offer, Round, Selection
from apps.club.filling import Offered
from apps.club.member_models import Leaving
from apps.club.models import ChosenBy, ClubPlan, Period, PeriodState, State
from apps.core import due
from apps.core.actor import SYSTEM, Actor
from apps.core.jobs import enqueue
from apps.core.refusal import Refusal
from apps.core.rows import insert_rows
from apps.loyalty.rule import months_later

DUE = "rounds"  # this concern's name in the due-index
MAKE, FILL = "apps.club.box_tasks.make", "apps.club.box_tasks.fill"
FORGET = "apps.club.box_tasks.forget_labels"
BATCH = 500
BUDGET_SECONDS = 20.0  # a job lives one minute at most: past this the rest is another job

# For whom a box waits until they come back, and whose unpaid period will never be paid.
_LATER = (State.JOINING, State.GIVEN, State.PAUSED)


class RoundExists(Refusal):
    message = _("Les box de ce mois sont déjà ouvertes.")


class RoundOver(Refusal):
    message = _("Ces box sont closes.")


class StillToPack(Refusal):
    message = _("Il reste %(many)s box à préparer ou à remettre.")


class TooManyUsual(Refusal):
    message = _("Votre choix compte %(usual)s bouteilles ; la formule en a %(bottles)s.")
    status = 422


def the_rule() -> BoxRule:
    """The shop's, or what one begins with."""
    return BoxRule.objects.filter(only=True).first() or BoxRule()


# --- opened ---------------------------------------------------------------------------------


def open_round(
    month: date, *, choose_until: date, ready_on: date, by: Actor, now: datetime
) -> Round:
    """The boxes of ``month``, which a job makes. Raises ``RoundExists``."""
    try:
        with transaction.atomic():
            made = Round.objects.create(
                month=month.replace(day=1),
                choose_until=choose_until,
                ready_on=ready_on,
                opened_at=now,
            )
            due.note(DUE, end_of_choice(made))
            enqueue(MAKE, made.pk)
            record(by, "round.open", "round", made.pk, after={"month": made.month.isoformat()})
            return made
    except IntegrityError as error:
        raise RoundExists() from error


def end_of_choice(one: Round) -> datetime:
    """The midnight after the last day."""
    return _midnight(one.choose_until + timedelta(days=1))


def _midnight(day: date) -> datetime:
    """With which ``day`` begins, by the shop's clock."""
    return timezone.make_aware(datetime.combine(day, datetime.min.time()))


@transaction.atomic
def change_days(
    round_id: int, *, choose_until: date, ready_on: date, by: Actor, now: datetime
) -> None:
    """Raises ``RoundOver``."""
    found = _locked(round_id)
    found.choose_until, found.ready_on = choose_until, ready_on
    found.save(update_fields=["choose_until", "ready_on"])
    due.note(DUE, end_of_choice(found))
    after = {"choose_until": choose_until.isoformat(), "ready_on": ready_on.isoformat()}
    record(by, "round.change", "round", found.pk, after=after)


def _locked(round_id: int) -> Round:
    """Raises ``RoundOver`` for one that is."""
    found = Round.objects.select_for_update(no_key=True).get(pk=round_id)
    if not found.is_open:
        raise RoundOver()
    return found


# --- what the shop offers -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OfferWords:
    variant_id: int
    usual: int


@transaction.atomic
def select(
    round_id: int, plan: ClubPlan, offers: Sequence[OfferWords], *, words: str, by: Actor
) -> Selection:
    """What goes into the boxes of a plan, in this order; those that nobody chose are filled anew.

    What does not suit the plan is left out. Raises ``RoundOver``, ``TooManyUsual``.
    """
    found = _locked(round_id)
    suits = suitable(plan).in_bulk([one.variant_id for one in offers])
    offers = [one for one in offers if one.variant_id in suits]
    usual = sum(one.usual for one in offers)
    if usual > plan.bottles:
        raise TooManyUsual(usual=usual, bottles=plan.bottles)
    chosen, _new = Selection.objects.update_or_create(
        round=found, plan=plan, defaults={"words": words}
    )
    chosen.offers.exclude(variant__in=[one.variant_id for one in offers]).delete()
    Offer.objects.bulk_create(
        [
            Offer(selection=chosen, variant_id=one.variant_id, usual=one.usual, position=place)
            for place, one in enumerate(offers)
        ],
        update_conflicts=True,
        unique_fields=["selection", "variant"],
        update_fields=["usual", "position"],
    )
    enqueue(FILL, found.pk)
    after = {str(one.variant_id): one.usual for one in offers}
    record(by, "round.select", "round", found.pk, after={"plan": plan.pk, "offers": after})
    return chosen


def suitable(plan: ClubPlan) -> "QuerySet[Variant]":
    """What may be offered to the members of ``plan``: on sale, alcohol or not, of its colours."""
    found = Variant.objects.filter(archived_at=None, product__archived_at=None)
    if plan.colours:
        found = found.filter(product__colour__in=plan.colours)
    return found.select_related("product").order_by("product__name", "position", "pk")


# --- made -----------------------------------------------------------------------------------


def owed(one: Round) -> "QuerySet[Period, Period]":
    """The periods that a box of this round is still to be made for.

    Begun before the month ends, not called off, and without a box; of who has left only what is
    paid, of who renounced nothing. Who pauses, or has not opened their gift, has it later. Once
    choices are closed a first box alone comes in, of a plan whose boxes the shop composes: nobody
    could choose, swap or skip.
    """
    month_end = months_later(one.month, 1)
    mine = Box.objects.filter(period=OuterRef("pk"))
    has_one = mine.filter(~Q(state=BoxState.PUT_OFF) | Q(round=one))
    found = Period.objects.filter(~Exists(has_one), starts__lt=month_end)
    found = found.exclude(state=PeriodState.VOID).exclude(member__state__in=_LATER)
    found = found.exclude(member__state=State.ENDED, state=PeriodState.DUE)
    found = found.exclude(member__in=Leaving.objects.renounced().values("member"))
    if one.chosen_at:
        others = Box.objects.filter(member=OuterRef("member"))
        found = found.filter(~Exists(others), member__plan__chosen_by=ChosenBy.SHOP)
    return found.select_related("member__plan").order_by("pk")


def make(round_id: int, now: datetime) -> bool:
    """Every box that is missing, some at a time; False when there is more to do."""
    began = time.monotonic()
    while _make_some(round_id, now):
        if time.monotonic() - began > BUDGET_SECONDS:
            return False
    return True


@transaction.atomic
def _make_some(round_id: int, now: datetime) -> int:
    """Under the round's lock: who makes the same round at once goes on where this one ends."""
    found = Round.objects.select_for_update(no_key=True).get(pk=round_id)
    if not found.is_open:
        return 0
    periods = list(owed(found)[:BATCH])
    boxes = [
        Box(
            round=found,
            member=period.member,
            period=period,
            bottles=period.member.plan.bottles,
            made_at=now,
        )
        for period in periods
    ]
    insert_rows(boxes)
    ours = [box for box in boxes if _is_ours(box)]
    filling.refill(ours, Offered.of(found.pk, ours), now)
    return len(boxes)


def _is_ours(box: Box) -> bool:
    """Whether the shop composes it: by its plan, or since its member left it to the shop."""
    return box.member.plan.chosen_by == ChosenBy.SHOP or bool(box.round.chosen_at)


def fill(round_id: int, after: int, now: datetime) -> int:
    """The shop's choice for the boxes that it composes and nobody changed, those after number
    ``after``; 0 when all are done, else how far it came."""
    began = time.monotonic()
    while after_now := _fill_some(round_id, after, now):
        after = after_now
        if time.monotonic() - began > BUDGET_SECONDS:
            return after
    return 0


@transaction.atomic
def _fill_some(round_id: int, after: int, now: datetime) -> int:
    boxes = Box.objects.filter(round=round_id, state=BoxState.OPEN, chosen_at=None, pk__gt=after)
    by_us = Q(member__plan__chosen_by=ChosenBy.SHOP) | Q(round__chosen_at__isnull=False)
    held = boxes.filter(by_us).select_for_update(of=("self",), no_key=True)
    ours = list(held.select_related("member__plan").order_by("pk")[:BATCH])
    filling.refill(ours, Offered.of(round_id, ours), now)
    return ours[-1].pk if ours else 0


# --- choices closed -------------------------------------------------------------------------


@transaction.atomic
def close_choices(round_id: int, *, by: Actor, now: datetime) -> None:
    """Nobody chooses, swaps or skips any more; what was left open is the shop's choice. Twice is
    once. Raises ``RoundOver``."""
    found = _locked(round_id)
    if found.chosen_at is None:
        found.chosen_at = now
        found.save(update_fields=["chosen_at"])
        enqueue(FILL, found.pk)
        record(by, "round.close_choices", "round", found.pk)


@transaction.atomic
def close(round_id: int, *, by: Actor, now: datetime) -> None:
    """All is handed over. What waits for its payment goes over to the next round.

    Raises ``StillToPack``, ``RoundOver``.
    """
    found = _locked(round_id)
    left = Box.objects.filter(round=found).filter(
        Q(pk__in=Box.objects.to_pack().filter(round=found)) | Q(state=BoxState.PACKED)
    )
    if many := left.count():
        raise StillToPack(many=many)
    waiting = Box.objects.held_back().filter(round=found).select_for_update(of=("self",))
    put_off(list(waiting.order_by("pk")), now)
    found.closed_at = now
    found.save(update_fields=["closed_at"])
    enqueue(FORGET, found.pk)
    record(by, "round.close", "round", found.pk)


def put_off(boxes: Sequence[Box], now: datetime) -> None:
    """These, which the caller holds, are for a later round: their bottles go back."""
    filling.empty(boxes, now)
    Box.objects.filter(pk__in=[box.pk for box in boxes]).update(
        state=BoxState.PUT_OFF, chosen_at=None
    )


# --- the clock ------------------------------------------------------------------------------


def run_due(now: datetime) -> None:
    """Rounds that open by themselves, and choices whose last day is over."""
    rule, today = the_rule(), timezone.localdate(now)
    month = today.replace(day=1)
    missing = not Round.objects.filter(month=month).exists()
    if rule.opens_on and today.day >= rule.opens_on and missing:
        until = today + timedelta(days=rule.choose_days)
        ready = until + timedelta(days=rule.pack_days)
        open_round(month, choose_until=until, ready_on=ready, by=SYSTEM, now=now)
    choosing = Round.objects.filter(closed_at=None, chosen_at=None, choose_until__lt=today)
    for pk in choosing.values_list("pk", flat=True):
        close_choices(pk, by=SYSTEM, now=now)
    due.settle(DUE, lambda: next_moment(now))


def next_moment(now: datetime) -> datetime | None:
    """When a round opens by itself, or the nearest choice ends."""
    choosing = Round.objects.filter(closed_at=None, chosen_at=None).order_by("choose_until").first()
    moments = [end_of_choice(choosing)] if choosing else []
    rule, today = the_rule(), timezone.localdate(now)
    if rule.opens_on:
        later = today.day >= rule.opens_on
        month = months_later(today, 1 if later else 0)
        moments.append(_midnight(month.replace(day=rule.opens_on)))
    return min(moments, default=None)


@transaction.atomic
def save_rule(words: Mapping[str, int | None], *, by: Actor, now: datetime) -> BoxRule:
    """``words`` are the fields of ``BoxRule``; a round that is due by them opens at once."""
    rule, _new = BoxRule.objects.update_or_create(only=True, defaults=words)
    due.note(DUE, now)
    record(by, "round.rule", "round", after=dict(words))
    return rule
