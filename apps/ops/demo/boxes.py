"""The boxes of the club's members: those of past months handed over, this month's being packed."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from random import Random
from uuid import UUID

from django.utils import timezone

from apps.catalog.models import MoveCause, Variant
from apps.catalog.services.stock import move_stock
from apps.club import boxes, packing, rounds
from apps.club.box_models import Box, BoxState, Round
from apps.club.models import ClubPlan, Period
from apps.club.rounds import OfferWords
from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.loyalty.rule import months_later

_WORDS = (
    "Deux bouteilles à ouvrir tout de suite, une à oublier un an. Le vigneron passe à la cave "
    "ce mois-ci : venez lui poser vos questions."
)


class Boxes:
    def __init__(self, seed: str, *, author: int, now: datetime) -> None:
        self.random, self.now = Random(f"{seed}-boxes"), now
        self.team = Actor("team", author)

    def write(self) -> None:
        """Nothing where nobody belongs to the club."""
        if Round.objects.exists() or not Period.objects.exists():
            return
        rounds.save_rule({"opens_on": 1, "skips_a_year": 2}, by=self.team, now=self.now)
        this, first = timezone.localdate(self.now).replace(day=1), Period.objects.earliest("starts")
        month = first.starts.replace(day=1)
        while month < this:
            self._done(self._round(month))
            month = months_later(month, 1)
        self._going_on(self._round(this))

    def _round(self, month: date) -> Round:
        """With a choice for each plan, chosen a week after it opened."""
        opened = self._at(month)
        days = {"choose_until": month + timedelta(days=7), "ready_on": month + timedelta(days=12)}
        one = rounds.open_round(month, **days, by=self.team, now=opened)
        for plan in ClubPlan.objects.order_by("pk"):
            self._select(one, plan, opened)
        rounds.make(one.pk, opened)
        self._members(one, opened)
        chosen = min(self.now, opened + timedelta(days=8))
        rounds.close_choices(one.pk, by=self.team, now=chosen)
        rounds.fill(one.pk, 0, chosen)
        one.refresh_from_db()
        return one

    def _at(self, day: date) -> datetime:
        return min(self.now, timezone.make_aware(datetime.combine(day, datetime.min.time())))

    def _select(self, one: Round, plan: ClubPlan, at: datetime) -> None:
        """More bottles than go in, the cheapest of them the shop's choice; enough of each."""
        shelf = [v for v in rounds.suitable(plan) if v.product.is_alcohol and v.position == 0]
        self.random.shuffle(shelf)
        shelf = sorted(shelf[: plan.bottles + 3], key=lambda v: v.price_cents)
        for variant in shelf:
            self._deliver(variant, plan, at)
        offers = [
            OfferWords(variant.pk, int(place < plan.bottles)) for place, variant in enumerate(shelf)
        ]
        rounds.select(one.pk, plan, offers, words=_WORDS, by=self.team)

    def _deliver(self, variant: Variant, plan: ClubPlan, at: datetime) -> None:
        units = 6 * (1 + plan.memberships.belonging().count() // 6)
        gesture = {"token": self._token(), "by": self.team, "now": at}
        move_stock(variant=variant, units=units, cause=MoveCause.RECEIPT, **gesture)  # type: ignore[arg-type]

    def _members(self, one: Round, at: datetime) -> None:
        """One puts it off, as often as they may."""
        found = Box.objects.filter(round=one, state=BoxState.OPEN).select_related("member")
        for box in found.order_by("pk")[2:3]:
            may = boxes.may_change(box, at) and boxes.skips_left(box.member, one.month.year)
            if may:
                boxes.skip(box.pk, by=Actor("customer", box.member.contact_id), now=at)

    def _done(self, one: Round) -> None:
        """All but what is not paid left the shop."""
        ready = self._at(one.ready_on)
        for box in self._packed(one, 1.0, ready):
            self._leave(box, ready + timedelta(hours=self.random.randrange(2, 120)))
        rounds.close(one.pk, by=self.team, now=self._at(months_later(one.month, 1)))

    def _going_on(self, one: Round) -> None:
        """Half of them ready, the first ones gone."""
        packed = self._packed(one, 0.55, self.now - timedelta(hours=3))
        for box in packed[: len(packed) // 3]:
            self._leave(box, self.now - timedelta(hours=1))

    def _packed(self, one: Round, share: float, at: datetime) -> Sequence[Box]:
        found = list(Box.objects.to_pack().filter(round=one).order_by("pk"))
        packed = []
        for box in found[: round(len(found) * share)]:
            try:
                packed.append(packing.pack(box.pk, by=self.team, now=at))
            except Refusal:
                continue  # the shelves had no more
        return packed

    def _leave(self, box: Box, at: datetime) -> None:
        at = min(at, self.now)
        if box.is_shipped:
            number = f"8X{self.random.randrange(10**10, 10**11)}"
            told = {"carrier": "colissimo", "tracking": number}
            packing.ship(box.pk, **told, by=self.team, now=at)
        else:
            gesture = {"gesture": self._token(), "id_checked": True}
            packing.hand_over(box.pk, **gesture, by=self.team, now=at)  # type: ignore[arg-type]

    def _token(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)
