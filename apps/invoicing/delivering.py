"""Pieces on their way to the bookkeeper: taken in by the cursor, claimed, handed over, noted.

One worker at a time holds a bookkeeper (a lease). Each piece is claimed and committed before the
call; what no answer is known of is ``unknown``, and whoever tries a piece a second time asks for it
first. So however it ends, a piece is there once.
"""

import logging
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Min, Q
from django.db.models.functions import Least

from apps.core import due
from apps.core.jobs import enqueue
from apps.invoicing.access import Kept
from apps.invoicing.bookkeeping import DUE, current
from apps.invoicing.models import Record, RecordKind, Type
from apps.invoicing.pieces import NotMade, digest_of, party_of, put
from apps.invoicing.providers.base import Books, Later, Refused, ShutOut, Uncertain
from apps.invoicing.push_models import CLAIM, Bookkeeper, Delivery, Standing, State, What
from apps.invoicing.targets import TARGETS
from apps.shops.services import shop_here

logger = logging.getLogger("comptoir.invoicing")
DELIVER = "apps.invoicing.tasks.deliver"
Clock = Callable[[], datetime]

SLICE = 5.0  # seconds of a turn: others wait for the worker
BATCH = 500  # records looked at in one transaction
MAKING = timedelta(seconds=20)  # until one looks again for a file that is being made
# A request without an answer may still be under way there: it is asked for after that only.
ASKED_AFTER = timedelta(minutes=1)
LONGEST_REST = timedelta(hours=1)
MOST_TRIES = 1000  # counted: who is down for weeks is asked each minute


# --- the cursor --------------------------------------------------------------------------------


@transaction.atomic
def take_in(keeper: Bookkeeper, now: datetime) -> bool:
    """Note what was sealed since; False when there was nothing more."""
    held = Bookkeeper.objects.select_for_update().get(pk=keeper.pk)
    records = list(Record.objects.filter(number__gt=held.cursor).order_by("number")[:BATCH])
    if not records:
        return False
    read = [(one, one.facts) for one in records if one.kind in RecordKind.of_sales()]
    _Intake(held, now, read).note()
    held.cursor = records[-1].number
    held.save(update_fields=["cursor"])
    return True


class _Intake:
    """Some records, and what is already on its way of what they speak of."""

    def __init__(
        self, keeper: Bookkeeper, now: datetime, read: list[tuple[Record, dict[str, Any]]]
    ) -> None:
        self.keeper, self.now = keeper, now
        bills = [(one, facts) for one, facts in read if one.kind == RecordKind.INVOICE]
        self.invoices = [(o, f) for o, f in bills if f["type"] == Type.INVOICE]
        self.credits = [(o, f) for o, f in bills if f["type"] == Type.CREDIT]
        self.payments = [(o, f) for o, f in read if o.kind == RecordKind.PAYMENT]
        self.parties = {(party := party_of(f)).reference: (o, party) for o, f in bills}
        named = {*self.parties, *(f["number"] for _o, f in bills)}
        named |= {f["corrects"]["number"] for _o, f in self.credits}
        named |= {f["invoice"] for _o, f in self.payments}
        named |= {_payment(one) for one, _f in self.payments}
        there = Delivery.objects.filter(bookkeeper=keeper, reference__in=named)
        self.known = {one.reference: one for one in there}

    def note(self) -> None:
        """Each in its turn: what speaks of another piece goes after it. A payment of an invoice
        they never had is none of their business."""
        self._parties()
        self._add(
            self._made(What.INVOICE, f["number"], one, self.known[party_of(f).reference])
            for one, f in self.invoices
        )
        self._add(
            self._made(
                What.CREDIT,
                f["number"],
                one,
                self.known.get(f["corrects"]["number"]) or self.known[party_of(f).reference],
            )
            for one, f in self.credits
        )
        self._add(
            self._made(What.PAYMENT, _payment(one), one, self.known[f["invoice"]])
            for one, f in self.payments
            if f["invoice"] in self.known
        )

    def _parties(self) -> None:
        """New ones; and those of whom an invoice says something else than before."""
        fresh = []
        for reference, (one, party) in self.parties.items():
            digest, known = digest_of(party), self.known.get(reference)
            if known is None:
                fresh.append(self._made(What.PARTY, reference, one, None, digest))
            elif known.digest != digest:
                anew = {"state": State.QUEUED, "digest": digest, "record": one, "due_at": self.now}
                # One under way is told anew by the next invoice.
                mine = Delivery.objects.filter(pk=known.pk).exclude(state=State.SENDING)
                mine.update(**anew, code="", reason="")
        self._add(fresh)

    def _made(
        self, what: What, reference: str, one: Record, after: Delivery | None, digest: str = ""
    ) -> Delivery:
        return Delivery(
            bookkeeper=self.keeper,
            what=what,
            reference=reference,
            record=one,
            after=after,
            digest=digest,
            due_at=self.now,
        )

    def _add(self, made: Iterable[Delivery]) -> None:
        fresh = [one for one in made if one.reference not in self.known]
        for one in Delivery.objects.bulk_create(fresh):
            self.known[one.reference] = one


def _payment(one: Record) -> str:
    return f"P{one.pk}"


# --- the worker's turn -------------------------------------------------------------------------


def drain(clock: Clock) -> None:
    """Send for a while what is due in this shop, then see to it that the rest is sent too."""
    keeper = current()
    if keeper is None or not _hold(keeper, clock()):
        due.settle(DUE, lambda: next_moment(clock()))
        return
    try:
        while take_in(keeper, clock()):
            pass
        _doubt_the_lost(keeper, clock())
        _send_some(keeper, clock)
    finally:
        Bookkeeper.objects.filter(pk=keeper.pk).update(held_until=None)
    moment = next_moment(clock())
    if moment and moment <= clock():
        enqueue(DELIVER, bulk=True)
    else:
        due.settle(DUE, lambda: next_moment(clock()))


def _hold(keeper: Bookkeeper, now: datetime) -> bool:
    """Take the lease, unless another has it or it is no time to send."""
    free = Q(held_until=None) | Q(held_until__lt=now)
    awake = Q(rests_until=None) | Q(rests_until__lte=now)
    mine = Bookkeeper.objects.filter(free, awake, pk=keeper.pk, standing=Standing.ACTIVE)
    return bool(mine.update(held_until=now + CLAIM))


def _doubt_the_lost(keeper: Bookkeeper, now: datetime) -> None:
    """Whoever claimed these died before the note. Others go first: one may have been its death."""
    lost = Delivery.objects.filter(bookkeeper=keeper, state=State.SENDING)
    lost = lost.filter(claimed_at__lt=now - CLAIM)
    lost.update(state=State.UNKNOWN, due_at=now + ASKED_AFTER)


def _send_some(keeper: Bookkeeper, clock: Clock) -> None:
    books = TARGETS[keeper.target].open(Kept(shop_here(), keeper.target))
    ends = time.monotonic() + SLICE
    while time.monotonic() < ends and _still_ours(keeper, clock()):
        delivery = Delivery.objects.filter(bookkeeper=keeper).ready(clock()).first()
        if delivery is None or not _deliver(keeper, delivery, books, clock):
            return


def _still_ours(keeper: Bookkeeper, now: datetime) -> bool:
    """Hold it for another while; False once somebody paused it."""
    mine = Bookkeeper.objects.filter(pk=keeper.pk, standing=Standing.ACTIVE)
    return bool(mine.update(held_until=now + CLAIM))


def _deliver(keeper: Bookkeeper, delivery: Delivery, books: Books, clock: Clock) -> bool:
    """Hand one piece over and note how it ended; False when no other one may follow now."""
    mine = Delivery.objects.filter(pk=delivery.pk)
    tries = Least(F("tries") + 1, MOST_TRIES)
    claimed = {"state": State.SENDING, "claimed_at": clock(), "tries": tries}
    if not mine.filter(state=delivery.state).update(**claimed):
        return True
    delivery = mine.select_related("record").get()
    held = mine.filter(state=State.SENDING, claimed_at=delivery.claimed_at)
    try:
        name = put(delivery, books, again=delivery.tries > 1)
    except (NotMade, Refused, Uncertain, Later, ShutOut) as ended:
        held.update(**_left(delivery, ended, clock()))
        return _may_go_on(keeper, ended, clock())
    sent = {"external_id": name[:64], "code": "", "reason": ""}
    held.update(state=State.SENT, done_at=clock(), **sent)
    return True


def _left(delivery: Delivery, ended: Exception, now: datetime) -> dict[str, Any]:
    """Where a piece that was not taken stands."""
    match ended:
        case NotMade():
            return {"state": State.QUEUED, "tries": F("tries") - 1, "due_at": now + MAKING}
        case Refused(code=code, reason=reason):
            logger.warning("piece refused", extra={"delivery": delivery.pk})
            told = {"code": code[:40], "reason": str(reason)[:300]}
            return {"state": State.REFUSED, "done_at": now, **told}
        case Uncertain():
            rest = min(ASKED_AFTER * 2 ** min(delivery.tries - 1, 8), LONGEST_REST)
            return {"state": State.UNKNOWN, "due_at": now + rest}
    return {"state": State.QUEUED}


def _may_go_on(keeper: Bookkeeper, ended: Exception, now: datetime) -> bool:
    """Whether the next piece may follow; if not, when, or that the owner must connect again."""
    mine = Bookkeeper.objects.filter(pk=keeper.pk)
    match ended:
        case Later(seconds=seconds):
            mine.update(rests_until=now + timedelta(seconds=seconds))
        case Uncertain():
            mine.update(rests_until=now + ASKED_AFTER)
        case ShutOut(code=code):
            active = mine.filter(standing=Standing.ACTIVE)
            active.update(standing=Standing.SHUT, why=code[:40])
        case _:
            return True
    return False


def next_moment(now: datetime) -> datetime | None:
    """When there is something to send, or to ask for."""
    keeper = current()
    if keeper is None or keeper.standing != Standing.ACTIVE:
        return None
    mine = Delivery.objects.filter(bookkeeper=keeper)
    ready = mine.ready(now + LONGEST_REST).order_by().aggregate(at=Min("due_at"))["at"]
    lost = mine.filter(state=State.SENDING).aggregate(at=Min("claimed_at"))["at"]
    moments = [one for one in (ready, lost and lost + CLAIM) if one]
    if Record.objects.filter(number__gt=keeper.cursor).exists():
        moments.append(now)
    if not moments:
        return None
    return max(min(moments), *(one for one in (keeper.rests_until, keeper.held_until) if one), now)
