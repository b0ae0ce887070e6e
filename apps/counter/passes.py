"""Who did what a phone sends later: the page gives the phone a signed word for its person.

On a phone that several share the word changes with the person; what waits keeps the word it was
done under, whoever is there when it leaves.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core import signing

from apps.core.tenancy import current_schema

SALT = "counter-pass"
CLOCK = "counter-clock"
LASTS = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Pass:
    """This person stood at this shop's counter, signed in, at ``since``; ``device`` is the number
    of the shop's own phone, if it was one."""

    user_id: int
    device: int | None
    since: datetime


def write_pass(user_id: int, device: int | None, now: datetime) -> str:
    said = {"s": current_schema(), "u": user_id, "d": device, "t": int(now.timestamp())}
    return signing.dumps(said, salt=SALT)


def read_pass(word: str) -> Pass | None:
    """None when it is no word of ours, another shop's, or too old."""
    try:
        said = signing.loads(word, salt=SALT, max_age=LASTS)
    except signing.BadSignature:
        return None
    if said["s"] != current_schema():
        return None
    return Pass(said["u"], said["d"], datetime.fromtimestamp(said["t"], UTC))


def write_clock(offset: timedelta) -> str:
    """What a phone's clock lacks to ours, signed: a code that it scans without signal is judged by
    that, and not by what its letter says of the time later."""
    return signing.dumps({"s": current_schema(), "o": int(offset.total_seconds())}, salt=CLOCK)


def read_clock(word: str) -> timedelta | None:
    """None when it is no word of ours, another shop's, or too old."""
    try:
        said = signing.loads(word, salt=CLOCK, max_age=LASTS)
    except signing.BadSignature:
        return None
    return timedelta(seconds=said["o"]) if said["s"] == current_schema() else None
