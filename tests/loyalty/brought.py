"""Friends who are brought, as by a browser: a link followed, a form filled in, a visit."""

from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from apps.core.actor import Actor
from apps.core.phone import parse_phone
from apps.loyalty import referring
from apps.loyalty.first_touch import Touch
from apps.loyalty.joining import Wish, join
from apps.loyalty.models import Card, Joining
from apps.loyalty.proving import confirm
from apps.loyalty.referral_models import Referral
from apps.loyalty.services import add_stamp, first_card_of, undo_stamp
from tests.factories import ContactFactory, ProgrammeFactory

HELPER = Actor("team", 7)
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=ZoneInfo("Europe/Paris"))
DAY = timedelta(days=1)


def rule(**more):
    gifts = {"referral": True, "sponsor_gets": 2, "friend_gets": 1}
    return ProgrammeFactory(**{"goal": 9, "cooldown_minutes": 0, **gifts, **more})


def customer(**person):
    """Somebody whom the shop has known for a year."""
    made = {"created_at": NOW - 365 * DAY, "phone_proven_at": NOW - 365 * DAY, **person}
    return first_card_of(ContactFactory(**made))


def brings(shop, sponsor, *, phone="", email="", held=(), followed=NOW - DAY, at=NOW):
    """The referral of who joins by the sponsor's link."""
    if not phone and not email:
        brings.count += 1
        phone = f"06 99 {brings.count // 100 % 100:02d} {brings.count % 100:02d} 11"
    touch = Touch(sponsor.number, followed, held)
    wish = Wish(
        key=uuid4(),
        first_name="Inès",
        phone=parse_phone(phone) if phone else None,
        email=email,
        adult=True,
        touch=touch,
    )
    card = join(wish, shop=shop, client_address="", now=at)
    return Referral.objects.get(friend=card)


brings.count = 0


def taps(referral, at=NOW):
    """The friend taps the link of their message."""
    joining = Joining.objects.filter(contact=referral.friend.contact).first()
    return confirm(joining.token, shown=referral.friend.token, now=at)


def visits(card, at=NOW + DAY, cents=None):
    """A stamp, and the job that it leaves."""
    done = add_stamp(card=card, token=uuid4(), by=HELPER, now=at, amount_cents=cents)
    referring.reward_visit(done.movement.pk, at)
    return done


def undoes(done, at=NOW + DAY):
    """The stamp is undone, and the job that it leaves."""
    undo_stamp(movement=done.movement, token=uuid4(), by=HELPER, now=at)
    referring.visit_gone(done.movement.pk, at)


def balances(*cards):
    return tuple(Card.objects.get(pk=card.pk).balance for card in cards)
