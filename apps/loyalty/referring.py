"""A friend who was brought: noted when they join, rewarded with who brought them at the first
visit that stands, given up when it was none.

What looks like one person for two is never dropped: it stands in the list « À vérifier » until
somebody of the team has decided. Both cards are locked before the referral, in a merge's order.
"""

from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction

from apps.contacts.models import Contact
from apps.core.actor import SYSTEM, Actor
from apps.core.facts import announce
from apps.core.reading import insert
from apps.loyalty.facts import CardChanged, ReferralGiven, ReferralJoined
from apps.loyalty.first_touch import Touch, sponsor_numbered
from apps.loyalty.models import Card, Joining, Movement, MovementKind
from apps.loyalty.referral_models import REFERRAL, Reason, Referral, ReferralState
from apps.loyalty.same_person import leads_back, shared_address
from apps.loyalty.services.cards import the_programme
from apps.loyalty.services.ledger import Gesture, keep, locked, take_off, win_climbed, write
from apps.loyalty.services.taking_back import stands
from apps.review import services as review

LISTED = "referral"  # its sort of lines in the list
_GIFTS = UUID("0b9d3f5e-6c1a-4f7e-8d42-5a1e9c7b3f60")
_STATE = ReferralState


def note(friend: Card, touch: Touch, now: datetime) -> Referral | None:
    """With the joining's transaction: ``friend`` came by somebody's link."""
    sponsor, promise = sponsor_numbered(touch.sponsor), the_programme().promise
    if sponsor is None or promise is None:
        return None
    referral = Referral(
        sponsor=sponsor,
        friend=friend,
        sponsor_gets=promise.sponsor_gets,
        friend_gets=promise.friend_gets,
        followed_at=touch.followed_at,
        created_at=now,
    )
    insert(referral)
    shared = shared_address(sponsor.contact, friend.contact)
    if odd := shared or (Reason.DEVICE if touch.held else None):
        _doubt(referral, odd, now)
        referral.save()
    return referral


def proved(person: Contact, now: datetime) -> None:
    """``person`` has tapped the link of their message: from now on they have joined."""
    for referral in Referral.objects.brought(person.pk).filter(state=_STATE.WAITING):
        _join(referral, now)
        referral.save(update_fields=["joined_at"])


def merged(into: Contact, now: datetime) -> None:
    """``into`` is one person with another record: what does that make of who brought whom?
    For whoever holds their cards locked."""
    theirs = Referral.objects.brought(into.pk) | Referral.objects.bringing(into.pk)
    open_still = theirs.filter(state__in=(_STATE.WAITING, _STATE.GIVEN))
    keys = list(open_still.values_list("pk", flat=True))
    for referral in Referral.objects.select_for_update().filter(pk__in=keys).order_by("pk"):
        _judge(referral, now)
        referral.save()


@transaction.atomic
def reward_visit(movement_id: int, now: datetime) -> Referral | None:
    """The first visit of somebody who was brought: both gifts, or a line for the team to judge.

    The link that was followed first counts. The same visit again, or undone or brought back since,
    gives nothing. Raises ``CardMerged`` when one of the cards was merged at this very moment.
    """
    stamps = Movement.objects.select_related("card__contact")
    visit = stamps.filter(pk=movement_id, undone_by=None).first()
    if visit is None:
        return None
    brought = Referral.objects.brought(visit.card.contact.merged_into_id or visit.card.contact_id)
    waiting = brought.filter(state__in=(_STATE.WAITING, _STATE.DOUBTED), visit=None)
    first = waiting.order_by("followed_at", "pk").first()
    if first is None:
        return None
    cards = _hold(first)
    referral, *later = waiting.select_for_update().order_by("followed_at", "pk") or (None,)
    if referral != first or not stands(visit):
        return None
    for other in later:
        if other.state == _STATE.WAITING:
            other.state = _STATE.KNOWN
            other.save()
    referral.visit = visit
    _judge(referral, now)
    if referral.state == _STATE.WAITING:
        _give(referral, *cards, now)
    referral.save()
    return referral


@transaction.atomic
def visit_gone(movement_id: int, now: datetime) -> None:
    """The visit was undone, or all of it brought back: who brought them keeps nothing of it. The
    friend's own gift went with the visit; after an undo the next one counts."""
    found = Referral.objects.filter(visit=movement_id).first()
    if found is None:
        return
    sponsor, _friend = _hold(found)
    referral = Referral.objects.select_for_update().get(pk=found.pk)
    if referral.visit_id != movement_id or referral.state == _STATE.RETURNED:
        return
    if referral.gift:
        _take(referral.gift, sponsor, SYSTEM, now)
    referral.gift = referral.given_at = None
    if not Movement.objects.filter(undoes=movement_id).exists():
        referral.state = _STATE.RETURNED
    else:
        referral.visit = None
        if referral.state == _STATE.GIVEN:
            referral.state = _STATE.WAITING
    referral.save()


@transaction.atomic
def decide(referral_id: int, *, grant: bool, by: Actor, now: datetime) -> Referral:
    """What was in doubt is granted, and given once the friend has come; or set aside, and what
    was given already taken back. What is no longer in doubt stays as it is."""
    sponsor, friend = _hold(Referral.objects.get(pk=referral_id))
    referral = Referral.objects.select_for_update().get(pk=referral_id)
    if referral.state != _STATE.DOUBTED:
        return referral
    if not grant:
        if referral.gift:
            _take(referral.gift, sponsor, by, now)
            for line in Movement.objects.filter(follows=referral.visit, cause=REFERRAL):
                _take(line, friend, by, now)
        referral.state, referral.gift, referral.given_at = _STATE.REFUSED, None, None
    elif referral.gift:
        referral.state = _STATE.GIVEN
    elif referral.visit:
        _give(referral, sponsor, friend, now)
    else:
        referral.state = _STATE.WAITING
    referral.save()
    return referral


def _hold(referral: Referral) -> tuple[Card, Card]:
    """The cards of sponsor and friend as of today, locked; one and the same where they are."""
    people = [
        card.contact.merged_into_id or card.contact_id
        for card in (referral.sponsor, referral.friend)
    ]
    found = Card.objects.filter(contact__in=people).order_by("pk").values_list("pk", flat=True)
    cards = {card.contact_id: card for card in map(locked, list(found))}
    return cards[people[0]], cards[people[1]]


def _judge(referral: Referral, now: datetime) -> None:
    """Odd, of somebody known before, or as it was; what was decided once is not asked again."""
    if referral.doubt:
        return
    sponsor, friend = (
        card.contact.merged_into or card.contact for card in (referral.sponsor, referral.friend)
    )
    odd = Reason.PERSON if sponsor == friend else shared_address(sponsor, friend)
    if odd is None and leads_back(sponsor, friend):
        odd = Reason.CIRCLE
    if odd is not None:
        _doubt(referral, odd, now)
    elif referral.state == _STATE.WAITING and _was_known(referral, friend):
        referral.state = _STATE.KNOWN


def _doubt(referral: Referral, reason: Reason, now: datetime) -> None:
    referral.doubt, referral.state = reason, _STATE.DOUBTED
    review.note(
        LISTED,
        referral.pk,
        at=now,
        contact=referral.friend.contact,
        card=referral.friend.pk,
        sponsor=referral.sponsor.number,
        referral=referral.pk,
        reason=str(reason),
    )


def _was_known(referral: Referral, friend: Contact) -> bool:
    """They were a customer before they followed the link, as far as anybody has said."""
    others = Joining.objects.filter(contact=friend, confirmed_at=None, known__isnull=False)
    return friend.created_at < referral.followed_at or others.exclude(known=friend).exists()


def _join(referral: Referral, now: datetime) -> None:
    if referral.joined_at is None:
        referral.joined_at = now
        announce(ReferralJoined(referral_id=referral.pk))


def _give(referral: Referral, sponsor: Card, friend: Card, now: datetime) -> None:
    assert referral.visit is not None
    _join(referral, now)
    programme = the_programme()
    if programme.counted_since and referral.created_at < programme.counted_since:
        # What was promised was counted otherwise: both get what a friend brings today.
        referral.sponsor_gets = programme.sponsor_gets
        referral.friend_gets = programme.friend_gets
    token = uuid5(_GIFTS, f"{referral.pk}:{referral.visit.pk}")
    gesture = Gesture(token, SYSTEM, now)
    _bonus(friend, referral.friend_gets, gesture.also("friend"), referral.visit)
    referral.gift = _bonus(sponsor, referral.sponsor_gets, gesture, None)
    referral.state, referral.given_at = _STATE.GIVEN, now
    announce(ReferralGiven(referral_id=referral.pk))


def _bonus(card: Card, units: int, gesture: Gesture, visit: Movement | None) -> Movement:
    before = card.balance
    line = write(card, MovementKind.BONUS, units, gesture, cause=REFERRAL, follows=visit)
    win_climbed(card, the_programme(), before, gesture, visit)
    keep(card)
    announce(CardChanged(card_id=card.pk))
    return line


def _take(gift: Movement, card: Card, by: Actor, now: datetime) -> None:
    gesture = Gesture(uuid5(gift.token, "back"), by, now)
    take_off(card, the_programme(), gift.stamps, gesture, follows=gift, cause=REFERRAL)
    announce(CardChanged(card_id=card.pk))
