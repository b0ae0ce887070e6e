"""What other rooms may hear of sending."""

from dataclasses import dataclass
from datetime import timedelta

# What is heard of a try after that comes when its campaign is believed to be over.
LATE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class SendingPaused:
    """A provider takes nothing more for now (quota spent, account refused).

    Announced once for each ``cause`` that still has messages waiting on ``channel``; they
    stay queued. Or the shop's own limit is reached (``budget``). ``code`` is a key of
    ``reasons.say``.
    """

    cause: str
    channel: str
    code: str


@dataclass(frozen=True, slots=True)
class SendingResumed:
    """The channel works again: what waited leaves by itself. ``code``: what alone had stopped
    it; empty for the provider."""

    channel: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class LateNews:
    """News of a commercial try that is older than ``LATE``: what was told of ``cause`` is no
    longer so."""

    cause: str
