"""``run_worker`` with the patience of a test: the same program, shorter times.

Its argument is how many seconds a job may take; without a pulse for half as long again, a
worker is frozen.
"""

import os
import sys

import django
from django.core.management import call_command


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

    from apps.core import queue, supervisor, worker

    queue.RESTS = (queue.RESTS[0] / 10,)
    worker.BEAT = 0.2
    worker.TIMEOUT = float(sys.argv[1])
    supervisor.OVERDUE_AFTER = worker.TIMEOUT + 1
    supervisor.FROZEN_AFTER = worker.TIMEOUT * 1.5
    call_command("run_worker")


if __name__ == "__main__":
    main()
