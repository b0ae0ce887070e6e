"""A worker with short patience, for tests: ``python -m tests.hasty``.

The same waits in the same order as the real ones, each a tenth or less, so that a test sees in
seconds what takes the real worker minutes.
"""

import os
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def _seconds(*many: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=s) for s in many)


def main() -> None:
    django.setup()
    from django.core.management import call_command

    from apps.messaging import draining, outbox, outcome, reconciling, waking
    from apps.messaging.providers import twilio

    twilio.TIMEOUTS = (1, 1.0)
    draining.BEGIN_WITHIN, draining.GUARD_EVERY = 0.5, 1.0
    # Past the beginning and both timeouts, as the real one is.
    outbox.STUCK = reconciling.STUCK = timedelta(seconds=3)
    outbox.ASK_AFTER = reconciling.ASK_AFTER = _seconds(0.5, 1, 2, 4, 8)
    (reconciling.SETTLED,) = _seconds(3)
    (outcome.FIRST_WAIT,) = _seconds(0.3)
    waking._STEP = 1
    call_command("run_worker")


if __name__ == "__main__":
    main()
