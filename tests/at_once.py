"""The same work at the same instant, on connections of their own, for real."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connections

from apps.core.refusal import Refusal


def at_once(work: Callable[[Any], Any], *each: Any) -> list[Any]:
    """``work`` for each argument; a refusal is a result."""
    start = Barrier(len(each))

    def one(argument: Any) -> Any:
        try:
            start.wait(timeout=60)
            return work(argument)
        except Refusal as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(each)) as pool:
        return list(pool.map(one, each))
