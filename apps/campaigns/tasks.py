"""What the workers run for this room."""

from apps.campaigns import freezing, services, trials


def freeze(drop_id: int, token: str) -> None:
    """A launched drop's audience goes into the outbox."""
    freezing.freeze(drop_id, token)


def close(drop_id: int) -> None:
    """A drop whose messages are all gone is done."""
    freezing.close(drop_id)


def try_out(trial_id: int) -> None:
    """A test SMS to the team leaves."""
    trials.deliver(trial_id)


def pause(cause: str, channel: str, code: str) -> None:
    """Reaction to ``SendingPaused``."""
    services.provider_paused(cause, code)


def resume(channel: str) -> None:
    """Reaction to ``SendingResumed``."""
    services.provider_resumed()
