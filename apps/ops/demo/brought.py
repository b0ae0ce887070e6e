"""Friends whom the demonstration's customers have brought: most have come, two have their card
only, one looks like somebody who brought themselves."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from apps.contacts.models import Contact, Source
from apps.loyalty import referring
from apps.loyalty.models import Card, Movement, MovementKind
from apps.loyalty.referral_models import Referral
from apps.loyalty.services import first_card_of, the_programme
from apps.ops.demo.visits import Ledger

CAME = 14
SPONSORS = 6
LATELY = timedelta(days=240)


def write(ledgers: Sequence[Ledger], now: datetime) -> None:
    """By the rules they would have come by: the first visit of each gives what it gives."""
    lately = [one for one in ledgers if one.card.created_at > now - LATELY]
    came = [one for one in lately if one.earned[0] not in one.undone]
    came = came[:: len(came) // CAME + 1]
    known = [one.card for one in ledgers if one.card.created_at < now - LATELY and one.card.tier]
    sponsors = [card for card in known if card.contact.email][:SPONSORS]
    if not came or not sponsors:
        return
    _twin(came[-1].card.contact, sponsors[(len(came) - 1) % len(sponsors)].contact)
    for place, ledger in enumerate(came):
        _brought(sponsors[place % len(sponsors)], ledger.card)
        referring.reward_visit(_first_visit(ledger.card).pk, ledger.card.created_at)
    for days, name in ((6, "Romane"), (1, "Adrien")):
        _brought(sponsors[0], _card_alone(name, now - timedelta(days=days)))


def _brought(sponsor: Card, friend: Card) -> None:
    promise = the_programme().promise
    assert promise is not None
    at = friend.created_at
    Contact.objects.filter(pk=friend.contact_id).update(source=Source.FRIEND)
    Referral.objects.create(
        sponsor=sponsor,
        friend=friend,
        sponsor_gets=promise.sponsor_gets,
        friend_gets=promise.friend_gets,
        followed_at=at - timedelta(hours=5),
        created_at=at,
    )


def _twin(friend: Contact, sponsor: Contact) -> None:
    """The friend's mailbox turns out to be the sponsor's."""
    name, _at, domain = sponsor.email.partition("@")
    friend.email = f"{name}+carte@{domain}"
    friend.save(update_fields=["email"])


def _first_visit(card: Card) -> Movement:
    earned = Movement.objects.filter(card=card, kind=MovementKind.EARN)
    return earned.earliest("at", "pk")


def _card_alone(name: str, at: datetime) -> Card:
    """Somebody who has taken the card and has not come yet."""
    person = Contact(first_name=name, email=f"{name.lower()}@exemple.fr", created_at=at)
    person.save()
    card = first_card_of(person)
    Card.objects.filter(pk=card.pk).update(created_at=at)
    card.created_at = at
    return card
