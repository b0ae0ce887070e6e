"""What other rooms may hear of sending."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SendingPaused:
    """A provider takes nothing more for now (quota spent, account refused).

    Announced once for each ``cause`` that still has messages waiting on ``channel``; they
    stay queued. ``code`` is a key of ``reasons.say``.
    """

    cause: str
    channel: str
    code: str


@dataclass(frozen=True, slots=True)
class SendingResumed:
    """The channel works again: what waited leaves by itself."""

    channel: str
