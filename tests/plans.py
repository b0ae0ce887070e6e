"""How PostgreSQL goes about a statement."""

import json
from typing import Any

from django.db import connection


def rows_read(statement: str, values: Any = None) -> float:
    """The most rows that one step of it looked at."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
        (found,) = cursor.fetchone()
    plan = found if isinstance(found, list) else json.loads(found)
    return _most(plan[0]["Plan"])


def _most(step: dict[str, Any]) -> float:
    removed = (many for what, many in step.items() if what.startswith("Rows Removed"))
    own = (step["Actual Rows"] + sum(removed)) * step["Actual Loops"]
    return max([own, *map(_most, step.get("Plans", ()))])
