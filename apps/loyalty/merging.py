"""Two records of one person become one: nothing is rewritten, the older becomes an alias.

Balances stay sums: what stood on the alias's card leaves it by one movement and reaches the
other by its twin, all of it or what makes the better of the two (the shop's ``merge_rule``);
their tokens follow from the two cards, so that no pair is written twice.
"""

from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import DateTimeField, F, Q, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from apps.audit.services import record
from apps.catalog.services.sums import SPENDING
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.loyalty import referring
from apps.loyalty.facts import CardChanged
from apps.loyalty.models import Card, Joining, MergeRule, MovementKind, Reward
from apps.loyalty.services import card_of, carry_over, the_programme
from apps.loyalty.services.ledger import Gesture
from apps.loyalty.visits import VISITS
from apps.messaging.browsers import forget
from apps.messaging.models import Browser

_TRANSFERS = UUID("5f0a8d0e-5a7e-4d0c-9f0b-6f7f0c5a1b7e")


def living(contact: Contact) -> Contact:
    """The record that stands for ``contact`` today: itself, or what it was merged into."""
    while contact.merged_into is not None:
        contact = contact.merged_into
    return contact


def lock_people(*people: Contact) -> list[Contact]:
    """These records, locked for the transaction: cards first, as a stamp does, then people."""
    wanted = [person.pk for person in people]
    list(Card.objects.select_for_update().filter(contact__in=wanted).order_by("pk"))
    locked = Contact.objects.select_for_update().filter(pk__in=wanted).order_by("pk").in_bulk()
    return [locked[pk] for pk in wanted]


@transaction.atomic
def merge_records(alias: Contact, into: Contact, *, by: Actor, now: datetime) -> Contact:
    """``into``, with all that ``alias`` had; the alias's card and links lead to it from now on.

    Both must be living and locked (``lock_people``). What ``into`` already says of the person
    stays; the alias fills the gaps. Consents are not carried over: each is its own proof.
    """
    _move_card(alias, into, by, now)
    _move_address(alias, into)
    forget(Browser.objects.filter(contact=alias))
    _fill_gaps(alias, into)
    into.tags.add(*alias.tags.all())
    Joining.objects.filter(contact=alias).update(contact=into)
    Joining.objects.filter(known=alias).update(known=into)
    Contact.objects.filter(Q(merged_into=alias) | Q(pk=alias.pk)).update(merged_into=into)
    VISITS.keep([into.pk])
    SPENDING.keep([into.pk])
    referring.merged(into, now)
    into.refresh_from_db(fields=[*VISITS.columns, *SPENDING.columns])
    record(by, "contact.merged", "contact", into.pk, before={"alias": alias.pk})
    return into


def _move_card(alias: Contact, into: Contact, by: Actor, now: datetime) -> None:
    source = Card.objects.filter(contact=alias).first()
    if source is None:
        return
    target = card_of(into)
    if source.balance:
        out = uuid5(_TRANSFERS, f"{source.number}:{target.number}")
        leaving = Gesture(out, by, now).line(source, MovementKind.TRANSFER, -source.balance)
        leaving.save()
        brings = source.balance
        if the_programme().merge_rule == MergeRule.BETTER:
            brings = max(0, source.balance - target.balance)
        twin, received = uuid5(out, "in"), MovementKind.TRANSFER
        carry_over(card=target, stamps=brings, kind=received, token=twin, by=by, now=now)
    rewards = Reward.objects.ready().filter(card=source).update(card=target)
    Card.objects.filter(pk=source.pk).update(balance=0, rewards_ready=0, look_on=None)
    Card.objects.filter(pk=target.pk).update(
        rewards_ready=F("rewards_ready") + rewards,
        year_visits=F("year_visits") + source.year_visits,
        look_on=timezone.localdate(now) if source.look_on else F("look_on"),  # counted anew
        # NULL is ignored by PostgreSQL's GREATEST.
        last_stamp_at=Greatest(F("last_stamp_at"), Value(source.last_stamp_at, DateTimeField())),
    )
    announce(CardChanged(card_id=target.pk))


def _move_address(alias: Contact, into: Contact) -> None:
    """What only the alias has moves over, unproven or proven as it was; the rest is let go."""
    phone = (alias.phone, alias.phone_mobile, alias.phone_region, alias.phone_proven_at)
    email = (alias.email, alias.email_proven_at)
    alias.phone = alias.email = ""
    alias.phone_proven_at = alias.email_proven_at = None
    alias.save(update_fields=["phone", "email", "phone_proven_at", "email_proven_at"])
    if phone[0] and not into.phone:
        into.phone, into.phone_mobile, into.phone_region, into.phone_proven_at = phone
    if email[0] and not into.email:
        into.email, into.email_proven_at = email


def _fill_gaps(alias: Contact, into: Contact) -> None:
    for field in ("first_name", "last_name", "birth_date", "postal_code", "note"):
        if not getattr(into, field):
            setattr(into, field, getattr(alias, field))
    if into.adult_declared_at is None:
        into.adult_declared_at = alias.adult_declared_at
        into.adult_wording = alias.adult_wording
    seen = [at for at in (alias.last_visit_at, into.last_visit_at) if at]
    into.last_visit_at = max(seen, default=None)
    into.save()
