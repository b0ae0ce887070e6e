"""A run whose moment has come: it leaves, waits for the first allowed moment, or is dropped.

Most of these messages are commercial: they mind consent, the cap, the legal hours and the age gate
as a drop does. A person is looked at under their lock, which a drop takes too (``taking.take``): of
two messages at the same moment one gets through, and the other finds the cap reached. One that
tells of what the person has asked for (``Kind.is_service``) leaves at once, as a receipt does.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from apps.audience.criteria import Chosen
from apps.campaigns import rendering
from apps.campaigns.addresses import note
from apps.campaigns.models import Run, RunState, Trigger
from apps.campaigns.personal import in_words, own_code
from apps.campaigns.triggers import KINDS
from apps.campaigns.triggers.kind import Met
from apps.contacts.models import Channel, Contact
from apps.loyalty.card_links import can_receive
from apps.loyalty.merging import living
from apps.loyalty.models import Card
from apps.loyalty.services import card_of, the_programme
from apps.messaging.budget import closed
from apps.messaging.hours import next_allowed
from apps.messaging.letter import OPENS_NOTHING
from apps.messaging.models import Kind
from apps.messaging.services import post
from apps.shops.models import Shop

_LEFT = ("state", "at", "reason", "message", "done_at", "offer", "offer_until")
# Of several reasons the one nearest to a yes is told.
_NEAREST = ("bad_address", "landline", "stopped", "no_consent", "no_address")


@transaction.atomic
def settle(run_id: int, shop: Shop, now: datetime) -> None:
    """Look at one run that is due. Another worker's, or one of a trigger that is off, is let be."""
    waiting = Run.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
    run = waiting.select_related("trigger", "contact").filter(pk=run_id, at__lte=now).first()
    if run is None or not run.trigger.is_on:
        return
    locked = Contact.objects.select_for_update(no_key=True)
    person = locked.get(pk=living(run.contact).pk)
    channel, reason = way_to(person, run.trigger, shop, now)
    if now > run.expires_at:
        _drop(run, "outdated", now)
    elif not _holds(run):
        _drop(run, "not_any_more", now)
    elif _had_it(run, person):
        _drop(run, "twice_one", now)
    elif not channel:
        _drop(run, reason, now)
    elif run.trigger.is_service:
        _send(run, person, channel, shop, now)
    else:
        _leave_or_wait(run, person, channel, shop, now)


def _leave_or_wait(run: Run, person: Contact, channel: str, shop: Shop, now: datetime) -> None:
    free, reason = now, ""
    if shop.cap_days and person.last_commercial_at:
        free = max(now, person.last_commercial_at + timedelta(days=shop.cap_days))
        reason = "too_soon" if free > now else ""
    if shut := closed([channel], now):
        free, reason = max(free, shut.until), shut.why
    allowed = next_allowed(shop, person.phone, free, postal_code=person.postal_code)
    if allowed <= now:
        _send(run, person, channel, shop, now)
    elif allowed > run.expires_at:
        _drop(run, shut.why if shut else "outdated", now)
    else:
        run.at, run.reason = allowed, reason or "closed_hours"
        run.save(update_fields=["at", "reason"])


def _send(run: Run, person: Contact, channel: str, shop: Shop, now: datetime) -> None:
    subject, body = words_for(run, person, channel, shop, now)
    run.message = post(
        contact=person,
        channel=channel,
        kind=Kind.SERVICE if run.trigger.is_service else Kind.COMMERCIAL,
        cause=run.cause,
        expires_at=run.expires_at,
        subject=subject,
        body=body,
        now=now,
    )
    if run.message is None:  # its address went away between the look and the line
        _drop(run, "no_address", now)
        return
    run.state, run.at, run.reason, run.done_at = RunState.SENT, None, "", now
    run.save(update_fields=_LEFT)
    if not run.trigger.is_service:
        person.last_commercial_at = now
        person.save(update_fields=["last_commercial_at"])


def words_for(
    run: Run, person: Contact, channel: str, shop: Shop, now: datetime
) -> tuple[str, str]:
    """The subject and the text that ``person`` reads, with links of their own, and with a code
    if the trigger gives one: what it is worth stands on ``run`` from now on."""
    trigger = run.trigger
    reader = reader_of(trigger, person, channel)
    note(trigger.counted)
    subject = rendering.subject(trigger, channel, reader, shop)
    body = rendering.text(trigger, channel, reader, person, shop)
    body = body.replace(OPENS_NOTHING, person.link_token)
    if not trigger.offer:
        return subject, body
    run.offer = trigger.offer
    if trigger.offer_days:
        run.offer_until = timezone.localdate(now) + timedelta(days=trigger.offer_days)
    code = own_code(run, person.pk)
    return in_words(subject, code), in_words(body, code)


def reader_of(trigger: Trigger, person: Contact, channel: str) -> Chosen:
    """What the variables say of ``person``, with a card if the words want one."""
    card = Card.objects.filter(contact=person).first()
    if card is None and rendering.needs_card(trigger):
        card = card_of(person)
    balance, programme = card.balance if card else 0, the_programme()
    return Chosen(
        contact_id=person.pk,
        channel=channel,
        address=person.address(channel),
        first_name=person.first_name,
        last_name=person.last_name,
        balance=programme.told(balance),
        missing=programme.missing(balance),
        rewards_ready=card.rewards_ready if card else 0,
        card_token=card.token if card else "",
    )


def way_to(person: Contact, trigger: Trigger, shop: Shop, now: datetime) -> tuple[str, str]:
    """By which of its channels the person may be written to, the first that does; else "" and why
    not. As the outbox judges when it leaves."""
    if trigger.is_service:
        way = next((one for one in Channel if trigger.uses(one) and can_receive(person, one)), "")
        return (way, "") if way else ("", "no_address")
    if shop.sells_alcohol and not person.is_adult(timezone.localdate(now)):
        return "", "minor"
    reasons = []
    for channel in trigger.channels:
        if not (reason := person.why_not(channel)):
            return channel, ""
        reasons.append(reason)
    return "", min(reasons, key=_NEAREST.index, default="no_address")


def _holds(run: Run) -> bool:
    met = Met(run.contact_id, run.occasion, run.caused_at)
    return KINDS[run.trigger.kind].holds(run.trigger.settings, met)


def _had_it(run: Run, person: Contact) -> bool:
    """Under another record of the same person."""
    same = Run.objects.filter(trigger=run.trigger_id, occasion=run.occasion, state=RunState.SENT)
    theirs = same.filter(contact__in=Contact.objects.records_of(person.pk))
    return theirs.exclude(pk=run.pk).exists()


def _drop(run: Run, reason: str, now: datetime) -> None:
    run.state, run.at, run.reason, run.done_at = RunState.DROPPED, None, reason, now
    run.save(update_fields=["state", "at", "reason", "done_at"])
