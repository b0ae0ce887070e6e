"""How a lower room is heard above without knowing who listens.

A service calls ``announce(StampAdded(card_id=…))`` inside its transaction; the tasks that
``config/reactions.py`` lists for that fact are enqueued in the same transaction.
"""

from dataclasses import astuple
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from apps.core.jobs import enqueue


@cache
def _reactions() -> dict[str, tuple[str, ...]]:
    return dict(import_string(settings.REACTIONS))


def announce(fact: Any) -> None:
    """``fact`` is a frozen dataclass of ids; its fields become the tasks' arguments."""
    kind = type(fact)
    for task in _reactions().get(f"{kind.__module__}.{kind.__qualname__}", ()):
        enqueue(task, *astuple(fact))
