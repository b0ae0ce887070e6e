"""Tries whose answer was lost: asked for at the provider, never sent again blindly.

A worker died, or a line broke after the request had gone out. The try is ``unknown`` until the
provider says that it has it, or that it never came. The second is believed late and with a
counter-proof only; then the message may be tried again like one refused at the door. What the
provider cannot tell stays ``unknown`` for good, and the team sees it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from apps.contacts.models import Contact
from apps.core.rows import update_rows
from apps.messaging.accounts import accounts_named
from apps.messaging.models import Attempt, Message, Status
from apps.messaging.outbox import ASK_AFTER, BATCH, STUCK, Claim, hold_out, record
from apps.messaging.outcome import Outcome
from apps.messaging.providers import provider_of
from apps.messaging.providers.base import NEVER_CAME, Account, DeliveryFailed, Receipt
from apps.messaging.waking import wake
from apps.shops.models import Shop

# Before that a request may still be on its way, and the provider's own list may lag.
SETTLED = timedelta(minutes=1)
# What an hour has passed over is no news any more, for the person who would get it.
STALE = timedelta(hours=1)
AROUND = timedelta(minutes=10)

Found = Receipt | DeliveryFailed | None
Books = tuple[str, str]  # of a provider, and of a shop's own account there


@dataclass(frozen=True, slots=True)
class Doubt:
    """A try to be asked for, and when it was made."""

    claim: Claim
    books: Books
    at: datetime


@transaction.atomic
def take_doubts(shop: Shop, now: datetime | None = None) -> list[Doubt]:
    """The tries to ask for now; one still ``sending`` has lost its worker and is ``unknown``.

    Nobody else asks for them meanwhile. Messages are locked before tries, as in ``record``.
    """
    now = now or timezone.now()
    due = Attempt.objects.filter(ask_at__lte=now).order_by("ask_at")
    owners = list(due.values_list("message_id", flat=True)[:BATCH])
    if not owners:
        return []
    messages = Message.objects.filter(pk__in=owners).order_by("pk")
    held = messages.select_for_update(skip_locked=True, no_key=True)
    by_id = {m.pk: m for m in held.select_related(None)}
    doubts = list(due.filter(message_id__in=by_id).select_for_update().order_by("pk"))
    dead = [a.pk for a in doubts if a.status == Status.SENDING]
    record([(pk, Outcome(Status.UNKNOWN, "worker_died")) for pk in dead], shop, now)
    for attempt in doubts:
        attempt.ask_at = now + STUCK  # whoever asks now may die of it
    update_rows(doubts, "ask_at")
    people = {m.pk: m.contact for m in by_id.values()}
    for attempt in doubts:
        attempt.message = by_id[attempt.message_id]
    accounts = accounts_named(shop, [a.account for a in doubts])
    return [_doubt(a, people[a.message_id], shop, accounts[a.account]) for a in doubts]


def _doubt(attempt: Attempt, person: Contact, shop: Shop, account: Account | None) -> Doubt:
    claim = hold_out(attempt, person, shop, account=account)
    return Doubt(claim, (attempt.provider, attempt.account), attempt.at)


def ask(doubt: Doubt) -> Found:
    """One question to the provider; from a thread, without the database."""
    provider = provider_of(doubt.claim.outgoing.channel)
    if provider.name != doubt.books[0]:
        return None  # the platform has changed its operator since
    return provider.look_up(doubt.claim.outgoing, doubt.at)


def witness(doubts: Sequence[Doubt], shop: Shop) -> Doubt | None:
    """A try of that time which the provider is known to have: its list is believed when it
    shows it. An empty list may be no list at all. ``doubts`` are of the same books."""
    first = min(doubts, key=lambda doubt: doubt.at)
    provider, sid = first.books
    known = Attempt.objects.filter(
        status__in=[Status.SENT, Status.DELIVERED],
        provider=provider,
        account=sid,
        at__gte=first.at - AROUND,
    ).exclude(reference="")
    found = known.select_related("message__contact").order_by("-at").first()
    if found is None:
        return None
    return _doubt(found, found.message.contact, shop, first.claim.outgoing.account)


@transaction.atomic
def conclude(
    answers: Sequence[tuple[Doubt, Found]],
    proven: Collection[Books],
    shop: Shop,
    now: datetime | None = None,
) -> None:
    """Write what the provider said. ``proven``: the books whose list showed the witness."""
    now = now or timezone.now()
    news = []
    for doubt, found in answers:
        if found is NEVER_CAME and not (doubt.books in proven and doubt.at <= now - SETTLED):
            continue
        if found is not None:
            told = Outcome.of(found)
            told = replace(told, again=told.again and doubt.at > now - STALE)
            news.append((doubt.claim.attempt_id, told))
    record(news, shop, now)
    asked = [doubt.claim.attempt_id for doubt, _ in answers]
    open_still = Attempt.objects.filter(pk__in=asked, status=Status.UNKNOWN).order_by("pk")
    doubtful = list(open_still.select_for_update(no_key=True))
    for attempt in doubtful:
        attempt.asks += 1
        left = attempt.asks < len(ASK_AFTER)
        attempt.ask_at = now + ASK_AFTER[attempt.asks] if left else None
    update_rows(doubtful, "ask_at", "asks")
    if moments := [attempt.ask_at for attempt in doubtful if attempt.ask_at]:
        wake(min(moments))
