"""The outbox: claim, commit, send, record. What a crash left behind: ``reconciling``."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import BooleanField, F, Func, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from apps.contacts.channels import names
from apps.contacts.consent import opposed_among
from apps.contacts.models import Contact
from apps.core.rows import insert_rows, update_rows
from apps.messaging.budget import Gates, account, admit, cost_of, gates
from apps.messaging.channels import sending
from apps.messaging.channels.base import Sight
from apps.messaging.consequences import PROBE, follow
from apps.messaging.holding import NEVER
from apps.messaging.hours import next_allowed
from apps.messaging.lines import note_written, stopped_on_line
from apps.messaging.models import PAUSED, Alert, Attempt, Kind, Message, Status
from apps.messaging.outcome import Outcome, settle
from apps.messaging.providers import provider_of
from apps.messaging.providers.base import Account, Browsers, Content, Outgoing
from apps.messaging.providers.urls import reply_mailbox
from apps.messaging.services import stop_url
from apps.messaging.story import forward
from apps.shops.models import Shop

BATCH = 32
ALL = (Kind.SERVICE, Kind.COMMERCIAL)
# A try begins within five seconds of its claim (``draining``), and the slowest provider's
# timeouts are twenty: what hangs after thirty has no worker any more.
STUCK = timedelta(seconds=30)
# How long after a try whose answer was lost the provider is asked for it, each time anew.
ASK_AFTER = tuple(timedelta(seconds=s) for s in (10, 60, 300, 1800, 21600))


@dataclass(frozen=True, slots=True)
class Claim:
    """One try that this worker, and no other, now holds."""

    attempt_id: int
    message_id: int
    outgoing: Outgoing


@transaction.atomic
def claim(
    shop: Shop, now: datetime | None = None, *, kinds: Sequence[str] = ALL, many: int = BATCH
) -> list[Claim]:
    """Take the next messages to send; each gets its ``Attempt`` before anything leaves.

    Service before commercial, oldest first. The last look happens here, under the person's
    lock: a STOP that was heard before this moment holds, and one that comes later finds the
    message already on its way. Commercial messages outside the legal hours, and those to who was
    written to for another cause within the shop's cap, are postponed to the first moment when
    both let them; those that would then be over, or to who may no longer be written to, are
    cancelled. Raises nothing; several workers may claim at once.
    """
    now = now or timezone.now()
    at_gates = gates(shop, now)
    messages = _take(now, kinds, many, at_gates)
    if not messages:
        return []
    people = _living(messages)
    sights = _looked_at(messages, shop, now)
    going = _last_look(messages, people, sights.barred, shop, now)
    _weigh(going)
    going = admit(going, at_gates, shop, now)
    if not going:
        return []
    for message in going:
        message.status = forward(message.status, Status.SENDING)
        message.tries += 1
        message.available_at, message.reason = None, ""
    update_rows(going, "status", "tries", "available_at", "reason", "segments")
    accounts = {c: sending(c).account(shop) for c in {m.channel for m in going}}
    attempts = _attempts(going, accounts, shop, now)
    note_written(shop, [(m.channel, m.to) for m in going], now)
    written_to = {people[m.contact_id].pk for m in going if m.kind == Kind.COMMERCIAL}
    # Later where another campaign has already promised her a moment to come.
    last = Greatest(F("last_commercial_at"), now)
    Contact.objects.filter(pk__in=written_to).update(last_commercial_at=last)
    return [
        hold_out(
            a,
            people[a.message.contact_id],
            shop,
            content=sights.contents.get(a.message_id),
            browsers=sights.browsers.get(a.message_id),
            account=accounts[a.message.channel],
        )
        for a in attempts
    ]


def _attempts(
    going: Sequence[Message], accounts: Mapping[str, Account | None], shop: Shop, now: datetime
) -> list[Attempt]:
    attempts = [
        Attempt(
            message=m,
            number=m.tries,
            provider=provider_of(m.channel).name,
            cost_tenths=cost_of(m, shop),
            account=own.sid if (own := accounts[m.channel]) else "",
            at=now,
            ask_at=now + STUCK,
        )
        for m in going
    ]
    insert_rows(attempts)
    return attempts


def _weigh(messages: Sequence[Message]) -> None:
    weights: dict[tuple[str, str, str], int] = {}
    for message in messages:
        text = message.channel, message.kind, message.body
        if text not in weights:
            weights[text] = sending(message.channel).pieces(
                message.body, commercial=message.kind == Kind.COMMERCIAL
            )
        message.segments = weights[text]


def _pauses() -> dict[str, datetime]:
    """When each channel that rests was last refused."""
    standing = Alert.objects.filter(code__startswith=PAUSED, dismissed_at=None)
    return {code.removeprefix(PAUSED): at for code, at in standing.values_list("code", "at")}


def _take(now: datetime, kinds: Sequence[str], many: int, at_gates: Gates) -> list[Message]:
    pauses = _pauses()
    resting = [channel for channel, at in pauses.items() if at > now - PROBE]
    due = Message.objects.due(now)
    if resting:
        due = due.exclude(channel__in=resting)
    taken: list[Message] = []
    # A query a kind: each reads the beginning of its own range of the index, and stops.
    for kind in kinds:
        if left := many - len(taken):
            of_kind = due.filter(kind=kind).select_for_update(skip_locked=True, no_key=True)
            if kind == Kind.COMMERCIAL and at_gates.shut:
                of_kind = of_kind.exclude(channel__in=at_gates.shut)
            taken += of_kind[:left]
    for channel in pauses:
        # One message asks whether the channel works again; the others stay queued.
        rest = {m.pk for m in [m for m in taken if m.channel == channel][1:]}
        taken = [m for m in taken if m.pk not in rest]
    return taken


def more_is_due(shop: Shop, now: datetime | None = None) -> bool:
    """Whether another batch could be claimed now; a channel that rests, or is shut,
    wakes by itself."""
    due = Message.objects.due(now).order_by()
    if pauses := _pauses():
        due = due.exclude(channel__in=pauses)
    if shut := gates(shop, now or timezone.now()).shut:
        due = due.exclude(kind=Kind.COMMERCIAL, channel__in=shut)
    return due.exists()


def next_moment(now: datetime) -> datetime | None:
    """When something is to be done next: a try, or a question to a provider."""
    later = Message.objects.filter(available_at__gt=now).order_by("available_at")
    times = [later.filter(kind=kind).values_list("available_at", flat=True).first() for kind in ALL]
    doubts = Attempt.objects.exclude(ask_at=None).order_by("ask_at")
    times.append(doubts.values_list("ask_at", flat=True).first())
    return min((at for at in times if at and at < NEVER), default=None)


def _living(messages: Sequence[Message]) -> dict[int, Contact]:
    """The record that speaks for each message's contact today, locked, by the contact's id."""
    alias = {message.contact_id: message.contact_id for message in messages}
    aliases = Contact.objects.exclude(merged_into=None).values_list("pk", "merged_into")
    while merged := dict(aliases.filter(pk__in=alias.values())):
        alias = {old: merged.get(new) or new for old, new in alias.items()}
    people = Contact.objects.filter(pk__in=alias.values()).order_by("pk")
    locked = {person.pk: person for person in people.select_for_update(no_key=True)}
    return {old: locked[new] for old, new in alias.items()}


def _looked_at(messages: Sequence[Message], shop: Shop, now: datetime) -> Sight:
    """What each channel sees of its own."""
    whole = Sight()
    for channel in {message.channel for message in messages}:
        sight = sending(channel).look([m for m in messages if m.channel == channel], shop, now)
        whole.barred |= sight.barred
        whole.contents |= sight.contents
        whole.browsers |= sight.browsers
    return whole


def _last_look(
    messages: Sequence[Message],
    people: dict[int, Contact],
    barred: Mapping[int, str],
    shop: Shop,
    now: datetime,
) -> list[Message]:
    commercial = [m for m in messages if m.kind == Kind.COMMERCIAL]
    opposed = _opposed(commercial, shop)
    written = _lately_written(commercial, people, shop, now)
    refused: list[Message] = []
    postponed: list[Message] = []
    going: list[Message] = []
    moments: dict[tuple[str, str, datetime], datetime] = {}  # by where people live
    for message in messages:
        person = people[message.contact_id]
        advertises = message.kind == Kind.COMMERCIAL
        if reason := barred.get(message.pk, "") or (
            advertises
            and (
                _why_not(message, person, (message.channel, message.to) in opposed)
                or _not_by_law(message, person, shop, now)
            )
        ):
            _refuse(message, reason, now)
            refused.append(message)
            continue
        if not advertises:
            going.append(message)
            continue
        others = [at for cause, at in written[person.pk].items() if cause != message.cause]
        free = max([now, *(at + timedelta(days=shop.cap_days) for at in others)])
        at = _allowed(person, shop, free, moments)
        if message.expires_at and at > message.expires_at:
            _refuse(message, "capped" if free > now else "outdated", now)
            refused.append(message)
        elif at > now:
            message.available_at = at
            message.reason = "too_soon" if free > now else "closed_hours"
            postponed.append(message)
        else:
            going.append(message)
            written[person.pk][message.cause] = now
    update_rows(refused, "status", "reason", "available_at", "done_at")
    update_rows(postponed, "available_at", "reason")
    return going


def _opposed(commercial: Sequence[Message], shop: Shop) -> set[tuple[str, str]]:
    """The addresses, by their channel, that may not be advertised to whoever has them."""
    opposed = {
        (channel, address)
        for channel in names()
        for address in opposed_among(channel, [m.to for m in commercial if m.channel == channel])
    }
    return opposed | stopped_on_line(shop, [(m.channel, m.to) for m in commercial])


def _refuse(message: Message, reason: str, now: datetime) -> None:
    message.status = forward(message.status, Status.CANCELLED)
    if message.status in {Status.SENT, Status.UNKNOWN}:
        message.status = Status.FAILED  # it was handed over once: no next try
    message.reason, message.available_at, message.done_at = reason, None, now


def _allowed(
    person: Contact, shop: Shop, free: datetime, known: dict[tuple[str, str, datetime], datetime]
) -> datetime:
    """``next_allowed``, worked out once for all of mainland France and else by number."""
    mainland = person.phone and person.phone_region == "FR"
    place = ("FR" if mainland else person.phone, person.postal_code, free)
    if place not in known:
        known[place] = next_allowed(shop, person.phone, free, postal_code=person.postal_code)
    return known[place]


def _lately_written(
    commercial: Sequence[Message], people: dict[int, Contact], shop: Shop, now: datetime
) -> dict[int, dict[str, datetime]]:
    """For what causes, and when, each person was written to within the shop's cap, the failed
    aside.

    A drop takes its people when it is written (``campaigns.taking.take``), yet it may wait
    longer than the cap, or two records that both were taken may become one. Under the people's
    locks: of two workers the second sees what the first took.
    """
    written: dict[int, dict[str, datetime]] = defaultdict(dict)
    if not commercial or not shop.cap_days:
        return written
    living = {people[message.contact_id].pk for message in commercial}
    since = now - timedelta(days=shop.cap_days)
    tries = Attempt.objects.filter(message=OuterRef("pk"), at__gt=since)
    tries = tries.exclude(status__in=[Status.FAILED, Status.CANCELLED]).order_by("-at")
    person = Contact.objects.filter(pk=OuterRef("contact")).values(
        one=Coalesce("merged_into", "pk")
    )
    theirs = Message.objects.filter(_of(Contact.objects.records_of(*living)), kind=Kind.COMMERCIAL)
    theirs = theirs.annotate(tried_at=Subquery(tries.values("at")[:1]), person=Subquery(person))
    for speaks, cause, at in theirs.values_list("person", "cause", "tried_at"):
        if at:
            written[speaks][cause] = max(at, written[speaks].get(cause, at))
    return written


def _of(records: QuerySet[Contact]) -> Func:
    """The messages of ``records``, which are read first, and then each by the index. As joins, of
    tables that were just filled and that nobody has counted yet, the planner would read them whole
    for each claim."""
    keys = ArraySubquery(records.values("pk"))
    how = {"template": "%(expressions)s)", "arg_joiner": " = ANY("}
    return Func(F("contact"), keys, **how, output_field=BooleanField())


def _not_by_law(message: Message, person: Contact, shop: Shop, now: datetime) -> str:
    """Advertising for alcohol is for adults (french-rules §2); same rule as ``audience.reach``.
    Nor does it leave by a channel that was closed to the shop since."""
    if not sending(message.channel).offered(shop):
        return "channel_off"
    return "minor" if shop.sells_alcohol and not person.is_adult(timezone.localdate(now)) else ""


def _why_not(message: Message, person: Contact, opposed: bool) -> str:
    """The code of the reason why ``person`` may not get this commercial message; empty if so."""
    reason = "stopped" if opposed else person.why_not(message.channel)
    if reason in {"stopped", "no_consent"}:
        return reason
    moved = person.address(message.channel).lower() != message.to.lower()
    return "address_changed" if moved else reason


def hold_out(
    attempt: Attempt,
    person: Contact,
    shop: Shop,
    *,
    content: Content | None = None,
    account: Account | None = None,
    browsers: Browsers | None = None,
) -> Claim:
    """What the sender's thread is given; ``content`` where the provider knows the text,
    ``account`` where it leaves by the shop's own, ``browsers`` where it is left with them."""
    message, page = attempt.message, stop_url(person, shop)
    way = sending(message.channel)
    outgoing = Outgoing(
        channel=message.channel,
        to=message.to,
        body=message.body,
        subject=message.subject,
        html=way.html(message, person, shop),
        commercial=message.kind == Kind.COMMERCIAL,
        attempt=attempt.token,
        shop_token=shop.callback_token,
        sender=way.sender(shop),
        sender_name=shop.name,
        reply_to=shop.reply_to or reply_mailbox(shop.slug) or shop.email,
        stop_url=page,
        one_click_url=f"{page}un-clic/",
        content=content,
        account=account,
        browsers=browsers,
        file=message.file,
        file_name=message.file_name,
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
    messages = Message.objects.filter(pk__in=owners).order_by("pk").defer("body", "html")
    by_id = {m.pk: m for m in messages.select_for_update(no_key=True)}
    attempts = Attempt.objects.filter(pk__in=outcomes).order_by("pk").select_for_update()
    before = {attempt.pk: attempt.status for attempt in attempts}
    moved = []
    for attempt in attempts:
        attempt.message = by_id[attempt.message_id]
        if settle(attempt.message, attempt, outcomes[attempt.pk], now):
            in_doubt = attempt.status == Status.UNKNOWN
            attempt.ask_at = now + ASK_AFTER[0] if in_doubt else None
            moved.append(attempt)
    update_rows(moved, "status", "reference", "code", "ask_at", "done_at")
    changed = {a.message_id: a.message for a in moved}
    fields = ("status", "available_at", "reason", "sent_at", "done_at", "cost_tenths")
    update_rows(changed.values(), *fields)
    follow(moved, outcomes, now)
    account(moved, before, shop, now)
    return moved
