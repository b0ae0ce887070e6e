"""The outbox: claim, commit, send, record; and what a crash left behind."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.contacts.consent import opposed_among
from apps.contacts.models import Channel, ConsentState, Contact
from apps.core.jobs import enqueue
from apps.messaging.consequences import PROBE, follow
from apps.messaging.hours import next_allowed
from apps.messaging.models import PAUSED, Alert, Attempt, Kind, Message, Status
from apps.messaging.outcome import Outcome, settle
from apps.messaging.providers import provider_of
from apps.messaging.providers.base import Outgoing
from apps.messaging.services import DRAIN, sms_sender, stop_reserve, stop_url
from apps.messaging.story import forward
from apps.messaging.text import count
from apps.shops.models import Shop

BATCH = 100
RECOVER = "apps.messaging.tasks.recover"
# A job is killed after one minute: what still hangs after two has no worker any more.
STUCK = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Claim:
    """One try that this worker, and no other, now holds."""

    attempt_id: int
    message_id: int
    outgoing: Outgoing


@transaction.atomic
def claim(shop: Shop, now: datetime | None = None) -> list[Claim]:
    """Take the next messages to send; each gets its ``Attempt`` before anything leaves.

    The last look happens here, under the person's lock: a STOP that was heard before this
    moment holds, and one that comes later finds the message already on its way. Commercial
    messages outside the legal hours are postponed; those to who may no longer be written to,
    or was written to for another cause within the shop's cap, are cancelled. Raises nothing;
    several workers may claim at once.
    """
    now = now or timezone.now()
    messages = _take(now)
    if not messages:
        return []
    people = _living(messages)
    going = _last_look(messages, people, shop, now)
    if not going:
        return []
    for message in going:
        message.status = forward(message.status, Status.SENDING)
        message.tries += 1
        message.available_at = None
        if message.channel == Channel.SMS:
            commercial = message.kind == Kind.COMMERCIAL
            message.segments = count(message.body, stop_reserve() if commercial else 0).segments
    Message.objects.bulk_update(going, ["status", "tries", "available_at", "segments"])
    attempts = Attempt.objects.bulk_create(
        Attempt(message=m, number=m.tries, provider=provider_of(m.channel).name, at=now)
        for m in going
    )
    written_to = {people[m.contact_id].pk for m in going if m.kind == Kind.COMMERCIAL}
    Contact.objects.filter(pk__in=written_to).update(last_commercial_at=now)
    enqueue(RECOVER, at=now + STUCK)
    return [_claim(a, people[a.message.contact_id], shop) for a in attempts]


def _pauses() -> dict[str, datetime]:
    """When each channel that rests was last refused."""
    standing = Alert.objects.filter(code__startswith=PAUSED, dismissed_at=None)
    return {code.removeprefix(PAUSED): at for code, at in standing.values_list("code", "at")}


def _take(now: datetime) -> list[Message]:
    pauses = _pauses()
    resting = [channel for channel, at in pauses.items() if at > now - PROBE]
    due = Message.objects.due(now).exclude(channel__in=resting)
    taken = list(due.select_for_update(skip_locked=True, no_key=True)[:BATCH])
    for channel in pauses:
        # One message asks whether the channel works again; the others stay queued.
        rest = {m.pk for m in [m for m in taken if m.channel == channel][1:]}
        taken = [m for m in taken if m.pk not in rest]
    return taken


def more_is_due(now: datetime | None = None) -> bool:
    """Whether another batch could be claimed now; a channel that rests wakes by itself."""
    return Message.objects.due(now).exclude(channel__in=_pauses()).exists()


def something_is_stuck(now: datetime | None = None) -> bool:
    """Whether a worker died in the middle of a send."""
    limit = (now or timezone.now()) - STUCK
    return Attempt.objects.filter(status=Status.SENDING, at__lte=limit).exists()


def _living(messages: Sequence[Message]) -> dict[int, Contact]:
    """The record that speaks for each message's contact today, locked, by the contact's id."""
    alias = {message.contact_id: message.contact_id for message in messages}
    aliases = Contact.objects.exclude(merged_into=None).values_list("pk", "merged_into")
    while merged := dict(aliases.filter(pk__in=alias.values())):
        alias = {old: merged.get(new) or new for old, new in alias.items()}
    people = Contact.objects.filter(pk__in=alias.values()).order_by("pk")
    locked = {person.pk: person for person in people.select_for_update(no_key=True)}
    return {old: locked[new] for old, new in alias.items()}


def _last_look(
    messages: Sequence[Message], people: dict[int, Contact], shop: Shop, now: datetime
) -> list[Message]:
    commercial = [m for m in messages if m.kind == Kind.COMMERCIAL]
    opposed = {
        (channel, address)
        for channel in Channel.values
        for address in opposed_among(channel, [m.to for m in commercial if m.channel == channel])
    }
    written = _lately_written(commercial, people, shop, now)
    refused: list[Message] = []
    postponed: list[Message] = []
    going: list[Message] = []
    for message in messages:
        person = people[message.contact_id]
        if message.kind != Kind.COMMERCIAL:
            going.append(message)
        elif reason := (
            _why_not(message, person, (message.channel, message.to) in opposed)
            or _not_by_law(person, shop, now)
            or ("capped" if written[person.pk] - {message.cause} else "")
        ):
            message.status = forward(message.status, Status.CANCELLED)
            if message.status == Status.SENT:
                message.status = Status.FAILED  # it had left once; its next try is called off
            message.reason, message.available_at, message.done_at = reason, None, now
            refused.append(message)
        else:
            at = next_allowed(shop, person.phone, now, postal_code=person.postal_code)
            message.available_at = at
            if at > now:
                postponed.append(message)
            else:
                going.append(message)
                written[person.pk].add(message.cause)
    Message.objects.bulk_update(refused, ["status", "reason", "available_at", "done_at"])
    Message.objects.bulk_update(postponed, ["available_at"])
    for moment in {message.available_at for message in postponed}:
        enqueue(DRAIN, at=moment)
    return going


def _lately_written(
    commercial: Sequence[Message], people: dict[int, Contact], shop: Shop, now: datetime
) -> dict[int, set[str]]:
    """For what causes each person was written to within the shop's cap, the failed aside.

    A drop takes its people when it is written (``campaigns.freezing.reserve``), yet it may wait
    longer than the cap, or two records that both were taken may become one. Under the people's
    locks: of two workers the second sees what the first took.
    """
    written: dict[int, set[str]] = defaultdict(set)
    if not commercial or not shop.cap_days:
        return written
    living = {people[message.contact_id].pk for message in commercial}
    speaks = Coalesce("message__contact__merged_into", "message__contact")
    tries = Attempt.objects.filter(
        Q(message__contact__in=living) | Q(message__contact__merged_into__in=living),
        message__kind=Kind.COMMERCIAL,
        at__gt=now - timedelta(days=shop.cap_days),
    ).exclude(status__in=[Status.FAILED, Status.CANCELLED])
    for person, cause in tries.values_list(speaks, "message__cause").distinct():
        written[person].add(cause)
    return written


def _not_by_law(person: Contact, shop: Shop, now: datetime) -> str:
    """Advertising for alcohol is for adults (french-rules §2); same rule as ``audience.reach``."""
    return "minor" if shop.sells_alcohol and not person.is_adult(timezone.localdate(now)) else ""


def _why_not(message: Message, person: Contact, opposed: bool) -> str:
    """The code of the reason why ``person`` may not get this commercial message; empty if so."""
    if opposed or person.consent(message.channel) == ConsentState.WITHDRAWN:
        return "stopped"
    if person.consent(message.channel) != ConsentState.GRANTED:
        return "no_consent"
    if person.address(message.channel).lower() != message.to.lower():
        return "address_changed"
    sms = message.channel == Channel.SMS
    if sms and not person.phone_mobile:
        return "landline"
    return "bad_address" if (person.phone_bad_at if sms else person.email_bad_at) else ""


def _claim(attempt: Attempt, person: Contact, shop: Shop) -> Claim:
    message = attempt.message
    page = stop_url(person, shop)
    outgoing = Outgoing(
        channel=message.channel,
        to=message.to,
        body=message.body,
        subject=message.subject,
        html=message.html,
        commercial=message.kind == Kind.COMMERCIAL,
        attempt=attempt.token,
        shop_token=shop.callback_token,
        sender_name=shop.name,
        sms_sender=sms_sender(shop),
        reply_to=shop.reply_to or shop.email,
        stop_url=page,
        one_click_url=f"{page}un-clic/",
    )
    return Claim(attempt.pk, message.pk, outgoing)


@transaction.atomic
def record(
    news: Iterable[tuple[int, Outcome]], shop: Shop, now: datetime | None = None
) -> list[Attempt]:
    """Write what came of tries, ``(attempt id, outcome)``, and what follows from it.

    One UPDATE for the messages and one for the tries. Callbacks may have been faster: rows
    are read again under lock, and status only moves forward. Returns the tries it moved.
    """
    now = now or timezone.now()
    outcomes = dict(news)
    owners = Attempt.objects.filter(pk__in=outcomes).values("message_id")
    messages = Message.objects.filter(pk__in=owners).order_by("pk")
    by_id = {m.pk: m for m in messages.select_for_update(no_key=True)}
    attempts = Attempt.objects.filter(pk__in=outcomes).order_by("pk").select_for_update()
    moved = []
    for attempt in attempts:
        attempt.message = by_id[attempt.message_id]
        if settle(attempt.message, attempt, outcomes[attempt.pk], now, shop.sms_price_tenths):
            moved.append(attempt)
    Attempt.objects.bulk_update(moved, ["status", "reference", "code", "done_at"])
    changed = {a.message_id: a.message for a in moved}
    fields = ["status", "available_at", "reason", "sent_at", "done_at", "cost_tenths"]
    Message.objects.bulk_update(changed.values(), fields)
    follow(moved, outcomes, now)
    return moved


@transaction.atomic
def give_up_stuck(shop: Shop, now: datetime | None = None) -> list[tuple[Claim, datetime]]:
    """Tries whose worker died become ``unknown``; returned so that they can be looked up."""
    now = now or timezone.now()
    stuck = list(
        Attempt.objects.filter(status=Status.SENDING, at__lte=now - STUCK)
        .order_by("pk")
        .select_related("message__contact")[:BATCH]
    )
    record([(a.pk, Outcome(Status.UNKNOWN, "worker_died")) for a in stuck], shop, now)
    return [(_claim(a, a.message.contact, shop), a.at) for a in stuck]
