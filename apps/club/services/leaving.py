"""Leaving the club by one's own word: résilier, at the end of what was agreed; renoncer, within
fourteen days, as if nothing had been (french-rules § 6).

The word counts from the moment it is given: it is kept, and acknowledged by e-mail, in one
transaction. Stripe is told by a job, as often as it takes.
"""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.club import letters
from apps.club.contract import end_of, first_received, may_renounce, number_in
from apps.club.facts import MemberMoved
from apps.club.member_models import Leaving, Way
from apps.club.models import BELONGS, Member, PeriodState, State
from apps.club.services.arrears import DUE
from apps.club.services.following import follow, held, move
from apps.club.services.giving_back import CARRY, give_back
from apps.club.services.keeping import ACT, change_of
from apps.club.story import tell
from apps.core import due
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.jobs import enqueue
from apps.core.refusal import Refusal
from apps.payments import changing
from apps.shops.models import Shop
from apps.shops.services import shop_here

AGAIN = timedelta(minutes=5)  # what a job could not tell Stripe is tried again by another


class NoSuchContract(Refusal):
    message = _(
        "Nous ne trouvons pas de contrat avec cette référence et cet e-mail. La référence est dans "
        "chaque e-mail du club ; vous pouvez la recevoir de nouveau ci-dessous."
    )
    status = 404


class NothingToCancel(Refusal):
    message = _("Ce contrat est déjà terminé : rien n’est plus prélevé.")


class EndsByItself(Refusal):
    message = _("Un cadeau s’arrête de lui-même : il n’y a rien à résilier.")


class TooLateToRenounce(Refusal):
    message = _(
        "Le délai de rétractation de ce contrat est passé. Vous pouvez le résilier à tout moment."
    )


class TakenBack(Refusal):
    message = _("Cette demande a été retirée depuis : recommencez si vous voulez partir.")


class NothingToTakeBack(Refusal):
    message = _("Ce contrat n’est pas résilié, ou il est déjà terminé.")


def contract(reference: str, email: str) -> Member:
    """The membership whose reference and e-mail these are; who knows both needs no account.

    Raises ``NoSuchContract``, whichever of the two is wrong.
    """
    number = number_in(reference) or 0
    found = Member.objects.select_related("plan", "contact", "giver").filter(pk=number).first()
    if found is None or found.payer.email.lower() != email.strip().lower():
        raise NoSuchContract()
    return found


def standing(member: Member, way: Way) -> Leaving | None:
    return Leaving.objects.standing().filter(member=member, way=way).first()


def check(
    member: Member, way: Way, shop: Shop, now: datetime, key: UUID | None = None
) -> Leaving | None:
    """The word that stands already; else raises why this contract cannot be left that way."""
    if found := standing(member, way):
        return found
    if key and Leaving.objects.filter(key=key).exists():
        raise TakenBack()
    if way == Way.RENOUNCE:
        if not may_renounce(member, shop, now):
            raise TooLateToRenounce()
    elif member.is_gift:
        raise EndsByItself()
    elif member.state not in BELONGS:
        raise NothingToCancel()
    return None


def paid_cents(member: Member) -> int:
    """What would go back to who renounces."""
    paid = member.periods.filter(state=PeriodState.PAID).aggregate(cents=Sum("amount_cents"))
    return int(paid["cents"] or 0)


# --- résilier ------------------------------------------------------------------------------


@transaction.atomic
def cancel(
    member: Member,
    *,
    key: UUID,
    name: str,
    email: str,
    wanted_on: date | None,
    now: datetime,
    by: Actor | None = None,
) -> Leaving:
    """The contract ends as soon as it may, or with the period of ``wanted_on``. The same form, or
    another one for who has already left, is the same word. ``by``: who of the team wrote down what
    the customer said.

    Raises ``NothingToCancel``, ``EndsByItself``, ``TakenBack``.
    """
    ours = held(member.pk)
    if found := check(ours, Way.CANCEL, shop_here(), now, key):
        return found
    word = Leaving.objects.create(
        key=key,
        member=ours,
        way=Way.CANCEL,
        name=name,
        email=email,
        wanted_on=wanted_on,
        asked_at=now,
        ends_at=end_of(ours, now, wanted_on),
    )
    ends_on = timezone.localdate(word.ends_at)
    _told(word, "cancelled", now, by, to_on=ends_on.isoformat())
    letters.post_letter(
        ours,
        letters.CANCELLED,
        f"club-leaving:{word.pk}",
        to=email,
        asked=now,
        name=name,
        ends_on=ends_on,
    )
    return word


@transaction.atomic
def take_back(member: Member, *, now: datetime, by: Actor | None = None) -> Leaving:
    """Who was leaving stays. Raises ``NothingToTakeBack``."""
    word = standing(held(member.pk), Way.CANCEL)
    if word is None or word.ends_at <= now:
        raise NothingToTakeBack()
    word.taken_back_at, word.done_at = now, None
    word.save(update_fields=["taken_back_at", "done_at"])
    _told(word, "called_off" if by else "took_back", now, by)
    letters.post_letter(member, letters.STAYS, f"club-stays:{word.pk}")
    return word


# --- renoncer ------------------------------------------------------------------------------


@transaction.atomic
def renounce(member: Member, *, key: UUID, name: str, email: str, now: datetime) -> Leaving:
    """The contract is undone: it ends now, and what was paid goes back; once they have come back,
    where bottles had been received (L221-24). Twice is once.

    Raises ``TooLateToRenounce``.
    """
    ours = held(member.pk)
    if found := check(ours, Way.RENOUNCE, shop_here(), now, key):
        return found
    word = Leaving.objects.create(
        key=key,
        member=ours,
        way=Way.RENOUNCE,
        name=name,
        email=email,
        asked_at=now,
        ends_at=now,
        awaits_bottles=first_received(ours) is not None,
    )
    _told(word, "renounced", now)
    if ours.is_gift:  # paid at once: at Stripe there is nothing to end
        ours.ends_at = ours.ended_at = now
        move(ours, State(ours.state), State.ENDED, now)
    announce(MemberMoved(ours.pk))  # its boxes are called off, whatever Stripe is told and when
    letters.post_letter(
        ours,
        letters.RENOUNCED_WITH_BOTTLES if word.awaits_bottles else letters.RENOUNCED,
        f"club-leaving:{word.pk}",
        to=email,
        asked=now,
        name=name,
        began_on=timezone.localdate(ours.began_at or now),
        paid_cents=paid_cents(ours),
    )
    return word


# --- carried out ---------------------------------------------------------------------------


def _told(word: Leaving, kind: str, now: datetime, by: Actor | None = None, **words: str) -> None:
    """In the story, and to the job that tells Stripe."""
    by = by or Actor("customer", word.member.contact_id)
    tell(word.member, kind, now=now, about=f"leaving:{word.pk}", by=by, **words)
    enqueue(CARRY, word.pk, urgent=True)
    due.note(DUE, now + AGAIN)


def carry_out(leaving_id: int, now: datetime) -> None:
    """Stripe is told, once; money that is to go back at once goes back. Raises what Stripe's
    silence raises: then it is tried again."""
    word = Leaving.objects.select_related("member__plan").get(pk=leaving_id)
    if word.done_at is None:
        _tell_stripe(word, now)
        same = Leaving.objects.filter(pk=word.pk, taken_back_at=word.taken_back_at)
        if not same.update(done_at=now):  # taken back meanwhile: Stripe hears of that last
            Leaving.objects.filter(pk=word.pk).update(done_at=None)
            enqueue(CARRY, word.pk, urgent=True)
        follow(word.member.customer_id, now)
    if word.way == Way.RENOUNCE and not word.awaits_bottles:
        give_back(word.pk, now=now)


def _tell_stripe(word: Leaving, now: datetime) -> None:
    member = word.member
    act = "stays" if word.taken_back_at else "leaves"
    change = change_of(member, f"{act}:{word.pk}:{now:{ACT}}")
    with_period = word.ends_at == member.period_ends_at
    if not change.subscription:
        return  # a gift was paid at once: nothing more is asked for
    if word.taken_back_at:
        changing.go_on(change, is_period_end=with_period)
    elif word.ends_at <= now:
        changing.end_now(change)
    else:
        changing.end_at(change, word.ends_at, is_period_end=with_period)
