"""Another price for who already belongs: said to each, asked of nobody who has not agreed, and from
a period that begins after its day."""

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.club import letters
from apps.club.member_models import Answer, PriceChange
from apps.club.models import BELONGS, ClubPlan, Member
from apps.club.services.arrears import DUE
from apps.club.services.joining import goods_of
from apps.club.services.keeping import change_of
from apps.club.story import tell
from apps.core import due
from apps.core.actor import Actor
from apps.core.jobs import enqueue
from apps.core.refusal import Refusal
from apps.payments import changing

NOTICE = timedelta(days=30)
TELL = "apps.club.care.tell_price"
APPLY = "apps.club.care.apply_price"


class TooSoon(Refusal):
    message = _("Prévenez vos membres au moins %(days)d jours à l’avance.")
    status = 422


class SamePrice(Refusal):
    message = _("Personne ne paie un autre prix que celui-là.")
    status = 422


class NoSuchOffer(Refusal):
    message = _("Cette proposition de prix n’est plus ouverte.")
    status = 404


@transaction.atomic
def announce_price(
    plan: ClubPlan, *, price_cents: int, applies_on: date, by: Actor, now: datetime
) -> PriceChange:
    """Ask every member of the plan; a proposal that stood before is over. Raises ``TooSoon``,
    ``SamePrice``."""
    if applies_on < timezone.localdate(now) + NOTICE:
        raise TooSoon(days=NOTICE.days)
    held = ClubPlan.objects.select_for_update().get(pk=plan.pk)
    asked = Member.objects.filter(plan=held, state__in=BELONGS, gift_periods=None)
    others = list(asked.exclude(price_cents=price_cents).values_list("pk", "price_cents"))
    if not others:
        raise SamePrice()
    change = PriceChange.objects.create(
        plan=held, price_cents=price_cents, applies_on=applies_on, announced_at=now
    )
    Answer.objects.bulk_create(
        [Answer(change=change, member_id=pk, former_cents=cents) for pk, cents in others]
    )
    enqueue(TELL, change.pk)
    record(by, "club.price", "club_plan", held.pk, after={"price_cents": price_cents})
    return change


def tell_all(change_id: int, now: datetime) -> None:
    """A letter to each; who was told is not told again."""
    change = PriceChange.objects.get(pk=change_id)
    asked = change.answers.select_related("member__plan", "member__contact").order_by("pk")
    for one in asked.iterator(chunk_size=200):
        with transaction.atomic():
            member, day = one.member, change.applies_on
            said: dict[str, Any] = {"price_cents": change.price_cents, "from_on": day.isoformat()}
            if tell(member, "price_told", now=now, about=f"price:{change.pk}", **said):
                letters.post_letter(
                    member,
                    letters.PRICE,
                    f"club-price:{one.pk}",
                    price_cents=change.price_cents,
                    former_cents=one.former_cents,
                    applies_on=day,
                )


def open_offer(member: Member) -> Answer | None:
    """The newest proposal to this member, while it can still be answered."""
    newest = Answer.objects.filter(member=member).select_related("change").order_by("-pk").first()
    return newest if newest and newest.applied_at is None else None


@transaction.atomic
def answer(member: Member, answer_id: int, *, agrees: bool, now: datetime) -> Answer:
    """Their word, which they may change until it is applied. Raises ``NoSuchOffer``."""
    newest = open_offer(member)
    if newest is None or newest.pk != answer_id:
        raise NoSuchOffer()
    held = Answer.objects.select_for_update(of=("self",)).select_related("change").get(pk=newest.pk)
    if held.applied_at or held.agrees == agrees:
        return held
    held.agrees, held.answered_at = agrees, now
    held.save(update_fields=["agrees", "answered_at"])
    kind = "price_agreed" if agrees else "price_refused"
    by = Actor("customer", member.contact_id)
    tell(member, kind, now=now, by=by, price_cents=held.change.price_cents)
    if agrees:
        enqueue(APPLY, held.pk)
    return held


def tallied(plan: ClubPlan) -> "QuerySet[PriceChange]":
    """The proposals to the members of a plan, newest first, with what they said."""
    said = {
        "asked": Count("answers"),
        "agreed": Count("answers", Q(answers__agrees=True)),
        "refused": Count("answers", Q(answers__agrees=False)),
    }
    return plan.price_changes.annotate(**said).order_by("-pk")


def to_come() -> "QuerySet[Answer]":
    """Agreed, and asked for from one of the next periods on; a newer proposal takes the place of
    those before it."""
    newer = Answer.objects.filter(member=OuterRef("member"), pk__gt=OuterRef("pk"))
    agreed = Answer.objects.filter(agrees=True, applied_at=None, member__state__in=BELONGS)
    return agreed.filter(~Exists(newer))


def to_apply(now: datetime) -> "list[int]":
    """Agreed, and the next period begins on its day or later."""
    rows = to_come().values_list("pk", "member__period_ends_at", "change__applies_on")
    found = rows.order_by("pk")
    return [pk for pk, ends, day in found if ends and timezone.localdate(ends) >= day]


def apply(answer_id: int, now: datetime) -> None:
    """Stripe asks for the agreed price from the next period on, where that begins on its day or
    later; else it waits. Raises what Stripe's silence raises."""
    one = to_come().select_related("change", "member__plan").filter(pk=answer_id).first()
    if one is None or one.member.period_ends_at is None:
        return
    member, ends = one.member, one.member.period_ends_at
    if timezone.localdate(ends) < one.change.applies_on:
        due.note(DUE, ends + timedelta(hours=1))
        return
    member.price_cents = one.change.price_cents
    changing.reprice(change_of(member, f"price:{one.pk}"), goods_of(member)[0])
    with transaction.atomic():
        waits = Answer.objects.filter(pk=one.pk, agrees=True, applied_at=None)
        if waits.update(applied_at=now):
            Member.objects.filter(pk=member.pk).update(price_cents=one.change.price_cents)
            on = timezone.localdate(ends).isoformat()
            about, cents = f"price:{one.pk}", one.change.price_cents
            tell(member, "price_applied", now=now, about=about, price_cents=cents, from_on=on)
