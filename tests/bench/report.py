"""What was measured: a row of the table, the table as text, the run as JSON."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One line: ``value`` as people read it, ``reached`` against ``mark``, all ``figures``."""

    what: str
    mark: str
    value: str
    reached: bool
    figures: dict[str, Any] = field(default_factory=dict)


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    ).stdout.strip()
    model = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "cores": os.cpu_count(),
        "processor": model[0] if model else platform.processor(),
        "python": platform.python_version(),
        "load": os.getloadavg(),
    }


def as_table(rows: Sequence[Row]) -> str:
    heads = Row("what", "mark", "measured", True)
    widths = [
        max(len(getattr(row, name)) for row in (heads, *rows)) for name in ("what", "mark", "value")
    ]
    lines = [_line(heads, widths, " "), "-" * (sum(widths) + 8)]
    lines += [_line(row, widths, "✓" if row.reached else "✗") for row in rows]
    return "\n".join(lines)


def _line(row: Row, widths: Sequence[int], sign: str) -> str:
    cells = zip((row.what, row.mark, row.value), widths, strict=True)
    return f"{sign}  " + "  ".join(text.ljust(width) for text, width in cells).rstrip()


def write(rows: Sequence[Row], folder: Path) -> Path:
    """The run as JSON; what earlier runs wrote stays beside it."""
    about = machine()
    path = folder / f"bench-{about['at'].replace(':', '')}.json"
    run = {"machine": about, "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(run, ensure_ascii=False, indent=1, default=str))
    return path
