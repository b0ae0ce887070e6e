"""Three runs of the full chaos, each in a process and on a database of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from config import processes
from tests.bench.ground import Ground
from tests.bench.report import Row

RUNS = 3


def measure(ground: Ground) -> Iterator[Row]:
    for turn in range(1, RUNS + 1):
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.chaos", str(turn)],
            cwd=processes.ROOT,
            env={**os.environ, "BENCH_GROUND": "chaos"},
            capture_output=True,
            text=True,
            check=False,
        )
        name, mark = f"chaos {turn}: 10,000 messages", "none lost, none twice"
        if done.returncode:
            yield Row(name, mark, "✗ " + done.stderr.strip().splitlines()[-1][:80], False)
            continue
        told = json.loads(done.stdout.splitlines()[-1])
        killed = ", ".join(f"{many} × {what}" for what, many in told["kills"].items())
        unknown = told["messages"].get("unknown", 0)
        value = f"{unknown} uncertain; killed {killed}; {told['stamps']} stamps once each"
        yield Row(name, mark, value, unknown <= 100, told)
