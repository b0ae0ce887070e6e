"""What a phone did without signal is done here, each gesture once, whatever comes how often."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Device, Membership
from apps.audit.services import record
from apps.contacts.models import Contact
from apps.contacts.services import read_phone
from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.core.tenancy import current_schema
from apps.counter.models import Gesture, Kind, Lease
from apps.counter.passes import Pass, read_clock, read_pass
from apps.counter.reviewing import note_lost
from apps.loyalty import live_code
from apps.loyalty.adding import quick_add
from apps.loyalty.merging import living
from apps.loyalty.models import Card, Movement, MovementKind, Reward
from apps.loyalty.rule import Kind as Counts
from apps.loyalty.services import Stamped, add_stamp, card_of, redeem, the_programme
from apps.loyalty.showing import CodeOver, card_numbered, card_shown
from apps.loyalty.watch.codes import LateCode
from apps.review.services import note

# A phone that was off for longer than this tells a moment that nobody remembers.
LONGEST = timedelta(days=30)
SLACK = timedelta(minutes=2)  # between two clocks that are both right


class Unreadable(Refusal):
    """``message`` is what the form says."""


class UnknownCard(Refusal):
    message = _("Ce code n’ouvre aucune carte de la boutique.")


class NoLongerInTeam(Refusal):
    message = _(
        "La personne qui a fait ce geste n’est plus dans l’équipe. Un responsable le vérifie."
    )


class PhoneTakenAway(Refusal):
    message = _(
        "Ce téléphone n’était plus relié à la boutique quand ce geste a été fait. "
        "Un responsable le vérifie."
    )


class StampedMeanwhile(Refusal):
    message = _("Carte déjà tamponnée à %(time)s, trop près de ce geste pour compter les deux.")


class MayNotGive(Refusal):
    message = _(
        "Cet appareil n’avait plus le droit d’offrir sans réseau. "
        "Si la récompense a été remise, offrez-la depuis la carte."
    )


class AddedWithoutStamp(Refusal):
    message = _("Contact ajouté, sans tampon. %(reason)s")


@dataclass(frozen=True, slots=True)
class Queued:
    """A gesture as a phone tells it; ``at`` by its own clock, ``by`` the pass of its person,
    ``clock`` what we have signed of that clock."""

    token: UUID
    kind: str
    at: datetime
    by: str = ""
    clock: str = ""
    card: int | None = None
    code: str = ""
    reward: int | None = None
    amount_cents: int | None = None
    phone: str = ""
    first_name: str = ""
    stamp: bool = False
    send_card: bool = False
    id_checked: bool = False
    unreadable: str = ""

    @property
    def typed(self) -> dict[str, Any]:
        """What somebody needs who sees to it by hand."""
        names = ("phone", "first_name", "amount_cents")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


@dataclass(frozen=True, slots=True)
class Letter:
    """Who sends the queue of which device, in which territory numbers are read, how far its clock
    is from ours."""

    device: UUID
    by: Actor
    region: str
    offset: timedelta
    now: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """``state``: accepted, done (it was already), or refused, with the reason."""

    token: UUID
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Ours:
    """Whose gestures count: the team's; and when which of the shop's phones were taken away."""

    team: frozenset[int]
    taken_away: dict[int, datetime]

    @classmethod
    def now(cls) -> Self:
        gone = Device.objects.filter(shop_id=current_schema()).exclude(revoked_at=None)
        return cls(
            frozenset(Membership.objects.values_list("user_id", flat=True)),
            {number: at for number, at in gone.values_list("number", "revoked_at") if at},
        )

    def check(self, by: Actor, at: datetime) -> None:
        """Raises ``NoLongerInTeam``, or ``PhoneTakenAway`` for what was done on it since."""
        if by.id not in self.team:
            raise NoLongerInTeam()
        gone = self.taken_away.get(by.device or 0)
        if gone and at > gone:
            raise PhoneTakenAway()


def drain(queued: Iterable[Queued], letter: Letter) -> list[Answer]:
    """Do what waited on a phone, oldest first: each gesture in a transaction with its answer.

    Sent again, in another order or at the same time by two requests, a gesture has one effect
    and keeps its answer. A refusal is kept for the team (``Gesture.to_settle``).
    """
    waiting = sorted(queued, key=lambda one: one.at)
    known = Gesture.objects.in_bulk([one.token for one in waiting], field_name="token")
    ours = _Ours.now()
    answers = []
    for one in waiting:
        earlier = known.get(one.token)
        answers.append(_again(earlier) if earlier else _answer(one, letter, ours))
    return answers


@transaction.atomic
def settle(gesture: Gesture, *, by: Actor, now: datetime) -> None:
    """Somebody has seen to a refused gesture: what was typed is forgotten."""
    if not Gesture.objects.filter(pk=gesture.pk, settled_at=None).update(settled_at=now, asked={}):
        return
    record(by, "settle", "gesture", gesture.pk)


@transaction.atomic
def lease(*, device: UUID, name: str, by: Actor, now: datetime) -> Lease:
    """From now on this device, and no other, may hand rewards over without signal."""
    held = Lease.objects.select_for_update().standing().first()
    if held and held.device == device:
        return held
    assert by.id is not None
    end_lease(by=by, now=now)
    try:
        with transaction.atomic():
            made = Lease.objects.create(device=device, name=name, actor_id=by.id, since=now)
    except IntegrityError:
        # Another tap was faster: one device has it, and the page shows which.
        return Lease.objects.standing().get()
    record(by, "lease", "lease", made.pk)
    return made


@transaction.atomic
def end_lease(*, by: Actor, now: datetime) -> None:
    """From now on no device may."""
    for held in Lease.objects.select_for_update().standing():
        held.ended_at = now
        held.save(update_fields=["ended_at"])
        record(by, "end_lease", "lease", held.pk)


def _again(earlier: Gesture) -> Answer:
    state = "refused" if earlier.refusal else "done"
    return Answer(earlier.token, state, earlier.refusal)


def _answer(one: Queued, letter: Letter, ours: _Ours) -> Answer:
    word = read_pass(one.by)
    by = replace(letter.by, id=word.user_id, device=word.device) if word else letter.by
    gesture = Gesture(
        token=one.token,
        kind=one.kind,
        device=letter.device,
        actor_kind=by.kind,
        actor_id=by.id,
        at=moment(one.at, letter, word),
        received_at=letter.now,
    )
    why = ""
    try:
        with transaction.atomic():
            try:
                if one.unreadable:
                    raise Unreadable(one.unreadable)
                ours.check(by, gesture.at)
                _VERBS[one.kind](one, gesture, by, letter)
            except Refusal as refusal:
                gesture.refusal, gesture.asked = str(refusal)[:300], one.typed
                why = type(refusal).__name__
            gesture.save(force_insert=True)
            if why and gesture.kind == Kind.GIVE and gesture.card:
                note_lost(gesture, by.device, why)
    except IntegrityError:
        # The same gesture came by another request and was answered first: ours is undone.
        return _again(Gesture.objects.get(token=one.token))
    return Answer(one.token, "refused" if gesture.refusal else "accepted", gesture.refusal)


def moment(at: datetime, letter: Letter, word: Pass | None) -> datetime:
    """When it was done by our clock: the phone's, set right by what it says the time is now.

    A moment before the person signed in, long ago, or yet to come says that the phone's clock
    was moved in between: then it is now.
    """
    told, now = at + letter.offset, letter.now
    soonest = max(now - LONGEST, word.since - SLACK if word else now - LONGEST)
    return min(told, now) if soonest <= told <= now + SLACK else now


def _stamp(one: Queued, gesture: Gesture, by: Actor, letter: Letter) -> None:
    late: live_code.Shown | None = None
    number = one.card
    if one.code:
        scanned, late = _scanned(one, by, scanned_at(one, letter))
        number = scanned.pk if scanned else None
    card = _locked(number)
    if card.contact.merged_into_id:
        card = _locked(card_of(living(card.contact)).pk)
    gesture.card = card
    done = _stamp_at(card, one, gesture, by)
    if late:
        _list_late(late, done, scanned_at(one, letter), by)


def scanned_at(one: Queued, letter: Letter) -> datetime:
    """When a code was scanned: by the phone's clock, and what we ourselves have signed that it
    lacks to ours; where we have not, what the letter says of it."""
    signed = read_clock(one.clock)
    return one.at + (letter.offset if signed is None else signed)


def _scanned(one: Queued, by: Actor, at: datetime) -> tuple[Card | None, live_code.Shown | None]:
    """Whose code it was, judged at the moment of the scan: how late it comes says nothing. One
    that was over by then goes to the list, and not to the bin."""
    try:
        return card_shown(one.code, by=by, now=at), None
    except CodeOver as over:
        return card_numbered(over.shown.number), over.shown


def _list_late(shown: live_code.Shown, done: Stamped, at: datetime, by: Actor) -> None:
    note(
        LateCode.name,
        done.movement.pk,
        at=done.movement.at,
        contact=done.card.contact,
        actor_id=by.id,
        device=by.device,
        card=done.card.pk,
        stamps=[done.movement.pk],
        minutes=max(1, round(abs(at - shown.at).total_seconds() / 60)),
    )


def _locked(number: int | None) -> Card:
    """The card with that key, and nobody else's until the gesture is answered."""
    held = Card.objects.select_for_update(of=("self",)).select_related("contact")
    card = held.filter(pk=number or 0).first()
    if card is None:
        raise UnknownCard()
    return card


def _stamp_at(card: Card, one: Queued, gesture: Gesture, by: Actor) -> Stamped:
    """A stamp at its own moment: the card's rest counts from there, and nothing moves back.

    ``card`` is locked.
    """
    last, visited = card.last_stamp_at, card.contact.last_visit_at
    late = last is not None and last > gesture.at
    if late:
        _refuse_beside_another(card, one, gesture)
    done = add_stamp(
        card=card,
        token=one.token,
        by=by,
        now=gesture.at,
        amount_cents=one.amount_cents,
        over_cooldown=late,
    )
    if late:
        latest = Greatest(F("last_stamp_at"), last)
        Card.objects.filter(pk=card.pk).update(last_stamp_at=latest)
        seen = Greatest(F("last_visit_at"), visited)
        Contact.objects.filter(pk=card.contact_id).update(last_visit_at=seen)
    return done


def _refuse_beside_another(card: Card, one: Queued, gesture: Gesture) -> None:
    """Other stamps came since: the card's rest is kept on both sides of this one, and a visit
    is counted once a day."""
    programme = the_programme()
    rest = timedelta(minutes=programme.cooldown_minutes)
    since, until = gesture.at - rest, gesture.at + rest
    if programme.kind == Counts.VISITS:
        midnight = timezone.localtime(gesture.at).replace(hour=0, minute=0, second=0)
        since, until = min(since, midnight), max(until, midnight + timedelta(days=1))
    stamps = Movement.objects.filter(card=card, kind=MovementKind.EARN, undone_by=None)
    near = stamps.filter(at__gt=since, at__lt=until).exclude(token=one.token)
    found = near.order_by("at").first()
    if found is not None:
        raise StampedMeanwhile(time=f"{timezone.localtime(found.at):%H:%M}")


def _add(one: Queued, gesture: Gesture, by: Actor, letter: Letter) -> None:
    added = quick_add(
        phone=read_phone(one.phone, letter.region),
        token=one.token,
        by=by,
        now=gesture.at,
        first_name=one.first_name,
        send_card=one.send_card,
    )
    gesture.card = added.card
    if not one.stamp:
        return
    try:
        with transaction.atomic():
            _stamp_at(_locked(added.card.pk), one, gesture, by)
    except Refusal as refusal:
        raise AddedWithoutStamp(reason=str(refusal)) from refusal


def _give(one: Queued, gesture: Gesture, by: Actor, letter: Letter) -> None:
    reward = Reward.objects.select_related("card").filter(pk=one.reward or 0).first()
    if reward is None:
        raise UnknownCard()
    gesture.reward, gesture.card = reward, reward.card
    if not Lease.objects.held(letter.device, gesture.at):
        raise MayNotGive()
    redeem(reward=reward, token=one.token, by=by, now=gesture.at, id_checked=one.id_checked)


_VERBS: dict[str, Callable[[Queued, Gesture, Actor, Letter], None]] = {
    Kind.STAMP: _stamp,
    Kind.ADD: _add,
    Kind.GIVE: _give,
}
