"""What came of a try, and what that makes of the message: no I/O, so it can be proven."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.messaging.models import Attempt, Message, Status
from apps.messaging.providers.base import DeliveryFailed, DeliveryUncertain, Receipt
from apps.messaging.story import DONE, forward

# Refused at the door (too many requests, no network): seven tries outlast an hour without them.
FIRST_WAIT, MAX_TRIES = timedelta(seconds=5), 7
# Accepted, then failed: a phone that is switched off.
LATE_WAIT, LATE_TRIES = timedelta(minutes=15), 5
NOT_STARTED = "not_started"

# The number or the mailbox is no good, whoever writes to it.
BAD_ADDRESS = frozenset({"21211", "21614", "30005", "30006", "63003", "63024", "bad_mailbox"})
BOUNCED = BAD_ADDRESS | {"blocked"}
OPTED_OUT = frozenset({"21610", "63014", "unsubscribed", "complaint"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """News of one try, from the sender's answer, a look-up or a callback."""

    status: Status
    code: str = ""
    reference: str = ""
    again: bool = False  # another try may do better
    after: int = 0  # seconds the provider asked us to wait
    quota: bool = False
    gone: tuple[str, ...] = ()  # browsers that take nothing more

    @classmethod
    def of(cls, result: Receipt | DeliveryFailed | DeliveryUncertain) -> "Outcome":
        if isinstance(result, Receipt):
            return cls(result.status, reference=result.reference, gone=result.gone)
        if isinstance(result, DeliveryUncertain):
            return cls(Status.UNKNOWN, result.code)
        return cls(
            Status.FAILED,
            result.code,
            again=not result.permanent,
            after=result.retry_after,
            quota=result.quota,
            gone=result.gone,
        )


def settle(message: Message, attempt: Attempt, news: Outcome, now: datetime) -> bool:
    """Carry ``news`` into ``attempt`` and ``message``; False when it was no news.

    Replays and any order end the same way.
    """
    before = attempt.status
    attempt.status = forward(before, news.status)
    attempt.reference = attempt.reference or news.reference
    if attempt.status == before:
        return False
    attempt.code = news.code
    taken = {Status.SENT, Status.DELIVERED}
    if attempt.status in taken and before not in {*taken, Status.FAILED}:
        message.sent_at = message.sent_at or now
        message.cost_tenths += attempt.cost_tenths
    if attempt.status in DONE:
        attempt.done_at = now
    if message.status in DONE and attempt.status != Status.DELIVERED:
        return True
    is_latest = attempt.number == message.tries
    if attempt.status == Status.CANCELLED or (news.quota and attempt.status == Status.FAILED):
        message.available_at = now  # due as before: nothing was tried, or the channel rests
    elif attempt.status == Status.FAILED and not is_latest:
        pass  # a newer try is under way and will tell
    elif attempt.status == Status.FAILED and news.again and message.tries < _tries(before):
        message.available_at = now + _wait(message.tries, before, news.after)
        message.reason = ""
    elif attempt.status != Status.UNKNOWN or is_latest:
        _close(message, attempt.status, news.code, now)
    return True


def _tries(before: str) -> int:
    return LATE_TRIES if before == Status.SENT else MAX_TRIES


def _wait(tries: int, before: str, asked: int) -> timedelta:
    first = LATE_WAIT if before == Status.SENT else FIRST_WAIT
    return max(first * 4 ** (tries - 1), timedelta(seconds=asked))


def _close(message: Message, status: str, code: str, now: datetime) -> None:
    message.status = forward(message.status, status)
    message.reason = code if message.status in {Status.FAILED, Status.UNKNOWN} else ""
    if message.status in DONE:
        message.available_at, message.done_at = None, now
