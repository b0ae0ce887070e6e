"""From a launched drop to messages in the outbox: in batches, once each, whatever dies."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.audience.criteria import Chosen, Criteria, chosen, reach
from apps.campaigns import rendering
from apps.campaigns.models import Drop, State
from apps.contacts.models import Channel, Contact
from apps.core.jobs import Lane, enqueue
from apps.core.queue import key_of, others_wait
from apps.loyalty.services import card_of
from apps.messaging.hours import next_allowed
from apps.messaging.models import Kind, Message, Status
from apps.messaging.services import Posting, post_many
from apps.shops.models import Shop
from apps.shops.services import shop_here

BATCH = 1000  # people whose messages are written in one transaction
BUDGET_SECONDS = 25.0  # a job lives one minute at most: past this the rest is another job
TURN_SECONDS = 3.0  # and past this, when somebody else waits for the worker
FREEZE, CLOSE = "apps.campaigns.tasks.freeze", "apps.campaigns.tasks.close"

Person = Sequence[Chosen]  # the one or two messages of one person


@dataclass(frozen=True, slots=True)
class Run:
    """One freeze; ``moments``: a phone's region and a post code → when the law lets it leave."""

    shop: Shop
    now: datetime
    moments: dict[tuple[str, str], datetime] = field(default_factory=dict)


def freeze(drop_id: int, token: str, now: datetime | None = None) -> None:
    """Write the audience of a launched drop into the outbox, going on where it was left.

    A second run, at the same time or after a kill -9, doubles nobody: the drop's row is locked
    for each batch and says how far one came. ``token`` is the launch this job was made for: a
    drop that was taken back or launched anew since is left alone.
    """
    now = now or timezone.now()
    shop = shop_here()
    drop = _begin(drop_id, token, shop, now)
    if drop is None:
        return
    began = time.monotonic()
    criteria, run = Criteria.read(drop.criteria), Run(shop, now)
    for people in _batches(chosen(criteria, drop.channels, drop.both, shop, now), drop):
        if not _write(drop_id, token, people, run):
            return
        if _make_way(time.monotonic() - began, shop):
            enqueue(FREEZE, drop_id, token)
            return
    _finish(drop_id, token, now)


def _make_way(spent: float, shop: Shop) -> bool:
    # Its own drain carries away what is frozen meanwhile: the two do not wait for each other.
    mine = [key_of(lane, shop.schema_name) for lane in (Lane.ORDINARY, Lane.BULK)]
    return spent > BUDGET_SECONDS or (spent > TURN_SECONDS and others_wait(*mine))


@transaction.atomic
def _begin(drop_id: int, token: str, shop: Shop, now: datetime) -> Drop | None:
    found = Drop.objects.select_for_update().filter(pk=drop_id, launch_token=token)
    drop = found.filter(state__in=[State.SCHEDULED, State.PREPARING]).first()
    if drop is None:
        return None
    if drop.launched_at is None:
        # Before anyone is taken: a later run would count this drop's own people as « cap ».
        reached = reach(Criteria.read(drop.criteria), drop.channels, shop, now)
        drop.left_out = {one.reason: one.count for one in reached.left_out}
        drop.promised["reached"] = reached.reached
        drop.launched_at = now
    drop.state = State.PREPARING
    drop.save(update_fields=["state", "left_out", "promised", "launched_at", "saved_at"])
    return drop


def _batches(rows: Iterator[Chosen], drop: Drop) -> Iterator[list[Person]]:
    batch: list[Person] = []
    for contact_id, lines in groupby(rows, key=attrgetter("contact_id")):
        if contact_id <= drop.frozen_up_to:
            continue
        batch.append(list(lines))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


@transaction.atomic
def _write(drop_id: int, token: str, people: list[Person], run: Run) -> bool:
    """One batch; False when the drop was paused, cancelled or finished meanwhile."""
    found = Drop.objects.select_for_update().filter(pk=drop_id, launch_token=token)
    drop = found.filter(state=State.PREPARING).first()
    if drop is None:
        return False
    people = [lines for lines in people if lines[0].contact_id > drop.frozen_up_to]
    if not people:
        return True
    contacts = reserve([lines[0].contact_id for lines in people], run.shop, run.now)
    going = [lines for lines in people if lines[0].contact_id in contacts]
    post_many(_postings(drop, going, contacts, run), run.now)
    drop.frozen_up_to = people[-1][0].contact_id
    drop.audience_size += len(going)
    drop.save(update_fields=["frozen_up_to", "audience_size", "saved_at"])
    return True


def reserve(contact_ids: Sequence[int], shop: Shop, now: datetime) -> dict[int, Contact]:
    """Take these people for a commercial message, inside the caller's transaction.

    Returns who could be taken, by id, with what a message needs to know of them: two drops at
    once never both get one person, the second waits for the first and then finds the cap
    reached. Locks in order of id: no deadlock.
    """
    locked = Contact.objects.filter(pk__in=contact_ids, merged_into=None).order_by("pk")
    if shop.cap_days:
        since = now - timedelta(days=shop.cap_days)
        free = Q(last_commercial_at=None) | Q(last_commercial_at__lte=since)
        locked = locked.filter(free)
    known = locked.only("phone", "phone_region", "email", "postal_code", "link_token")
    taken = {person.pk: person for person in known.select_for_update(no_key=True)}
    Contact.objects.filter(pk__in=taken).update(last_commercial_at=now)
    return taken


def _postings(
    drop: Drop, people: list[Person], contacts: dict[int, Contact], run: Run
) -> Iterator[Posting]:
    shop, now, moments = run.shop, run.now, run.moments
    with_card = rendering.needs_card(drop)
    for lines in people:
        contact = contacts[lines[0].contact_id]
        place = (contact.phone_region, contact.postal_code)
        if place not in moments:
            moments[place] = next_allowed(shop, contact.phone, now, postal_code=contact.postal_code)
        for person in lines:
            if with_card and not person.card_token:
                person = replace(person, card_token=card_of(contact).token)  # noqa: PLW2901
            yield _posting(drop, person, contact, shop, moments[place])


def _posting(drop: Drop, person: Chosen, contact: Contact, shop: Shop, at: datetime) -> Posting:
    if person.channel == Channel.SMS:
        body, subject, html = rendering.sms(drop, person, contact, shop), "", ""
    else:
        mail = rendering.mail(drop, person, contact, shop)
        body, subject, html = mail.text, mail.subject, mail.html
    return Posting(
        contact=contact,
        channel=person.channel,
        kind=Kind.COMMERCIAL,
        cause=drop.cause,
        body=body,
        subject=subject,
        html=html,
        to=person.address,
        at=at,
    )


@transaction.atomic
def _finish(drop_id: int, token: str, now: datetime) -> None:
    found = Drop.objects.select_for_update().filter(pk=drop_id, launch_token=token)
    drop = found.filter(state=State.PREPARING).first()
    if drop is None:
        return
    # Who could be reached at the beginning and was not: another message was faster.
    if (lost := drop.promised.get("reached", 0) - drop.audience_size) > 0:
        drop.left_out["cap"] = drop.left_out.get("cap", 0) + lost
    drop.state, drop.frozen_at = State.SENDING, now
    drop.save(update_fields=["state", "frozen_at", "left_out", "saved_at"])
    close(drop_id, now)


def waiting(drop: Drop) -> QuerySet[Message]:
    """The messages of the drop that may still leave."""
    waits = Q(available_at__isnull=False) | Q(status__in=[Status.QUEUED, Status.SENDING])
    return Message.objects.filter(waits, cause=drop.cause)


@transaction.atomic
def close(drop_id: int, now: datetime | None = None) -> bool:
    """Whether the drop is done: nothing of it waits any more. Else looks again later."""
    now = now or timezone.now()
    drop = Drop.objects.select_for_update().filter(pk=drop_id, state=State.SENDING).first()
    if drop is None:
        return False
    left = waiting(drop)
    if left.exists():
        due = left.filter(available_at__gt=now).order_by("available_at")
        nearest = due.values_list("available_at", flat=True).first()
        in_flight = left.exclude(available_at__gt=now).exists()
        soon = now + timedelta(seconds=20)
        enqueue(CLOSE, drop_id, at=soon if in_flight or not nearest else max(soon, nearest))
        return False
    drop.state, drop.done_at = State.DONE, now
    drop.save(update_fields=["state", "done_at", "saved_at"])
    return True
