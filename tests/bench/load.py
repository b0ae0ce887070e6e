"""Load on a server in interleaved rounds: requests per second, latency, CPU per request."""

import json
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.ground import Ground, Server
from tests.bench.report import Row

WRK = Path(__file__).with_name("wrk.lua")
Requests = Callable[[int], Sequence[bytes]]


class LoadFailed(RuntimeError):
    """Requests were refused or connections broke: a figure of it would say nothing."""


def http(method: str, host: str, path: str, headers: Mapping[str, str], body: str = "") -> bytes:
    """One request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines.append("Content-Type: application/x-www-form-urlencoded")
        lines.append(f"Content-Length: {len(body.encode())}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@dataclass(frozen=True, slots=True)
class Side:
    """What is loaded: ``requests(n)`` makes the next ``n`` of them, each sent once.

    Without ``server`` it is a command of its own (pgbench): ``run(seconds)`` returns its
    transactions and the seconds they took.
    """

    name: str
    server: Server | None = None
    requests: Requests | None = None
    run: Callable[[float], tuple[int, float]] | None = None
    at_most: int = 6000


@dataclass(slots=True)
class Figures:
    """Medians over the rounds; milliseconds, and CPU milliseconds per request."""

    per_second: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p95: list[float] = field(default_factory=list)
    app: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)

    def median(self, name: str) -> float:
        return statistics.median(getattr(self, name))

    @property
    def cpu(self) -> float:
        """Of application and database together."""
        return self.median("app") + self.median("database")

    def told(self) -> dict[str, float]:
        names = [name for name in self.__dataclass_fields__ if getattr(self, name)]
        return {name: round(self.median(name), 3) for name in names}


def ratio(one: Figures, other: Figures, name: str = "per_second") -> float:
    """The median of the rounds' own ratios: what drifts between rounds is in both."""
    pairs = zip(getattr(one, name), getattr(other, name), strict=True)
    return statistics.median(a / b for a, b in pairs)


def compare(
    ground: Ground, sides: Sequence[Side], *, rounds: int = 5, seconds: float = 4
) -> dict[str, Figures]:
    """Each side in each round, one after the other; a first short round warms all up."""
    found = {side.name: Figures() for side in sides}
    for turn in range(rounds + 1):
        for side in sides:
            _once(ground, side, found[side.name] if turn else Figures(), seconds if turn else 1)
    return found


def accepted(
    what: str, least: int, found: Mapping[str, Figures], told: Mapping[str, object]
) -> Row:
    """How many a second were taken, beside the bare write of the same run."""
    (ours,) = (one for name, one in found.items() if name != "bare write")
    view, rate = found["bare write"], ours.median("per_second")
    value = (
        f"{rate:.0f}/s ({ratio(ours, view):.1%} of the bare write; {ours.median('app'):.2f} + "
        f"{ours.median('database'):.2f} ms of CPU, {ours.cpu / view.cpu:.2f} × its)"
    )
    figures = {name: one.told() for name, one in found.items()}
    return Row(what, f"≥ {least}/s", value, rate >= least, {**figures, **told})


def _once(ground: Ground, side: Side, into: Figures, seconds: float) -> None:
    before = ground.database_cpu()
    if side.run is not None:
        count, took = side.run(seconds)
        into.per_second.append(count / took)
        into.database.append((ground.database_cpu() - before) * 1000 / count)
        return
    assert side.server is not None
    assert side.requests is not None
    prepared = side.requests(side.at_most)
    before, app = ground.database_cpu(), side.server.cpu()
    told = wrk(side.server, prepared, seconds)
    count = told["requests"]
    if not count or told["refused"] or told["broken"] or told["used"] >= len(prepared):
        raise LoadFailed(f"{side.name}: {told}, {len(prepared)} prepared")
    into.per_second.append(count / told["seconds"])
    into.p50.append(told["p50"])
    into.p95.append(told["p95"])
    into.app.append((side.server.cpu() - app) * 1000 / count)
    into.database.append((ground.database_cpu() - before) * 1000 / count)


def wrk(
    server: Server, prepared: Sequence[bytes], seconds: float, connections: int = 4
) -> dict[str, float]:
    """So many connections, each with its next request as soon as the last is answered."""
    command = shutil.which("wrk")
    if command is None:
        raise LoadFailed("wrk manque sur cette machine : apt-get install wrk")
    with written(prepared) as file:
        address = f"http://127.0.0.1:{server.port}/"
        asked = [command, "-t1", f"-c{connections}", f"-d{seconds}s"]
        asked += ["-s", str(WRK), address, "--", str(file)]
        out = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    found: dict[str, float] = json.loads(out.splitlines()[-1])
    return found


class written:
    """The prepared requests in a file that is gone afterwards."""

    def __init__(self, prepared: Sequence[bytes]) -> None:
        self.prepared = prepared

    def __enter__(self) -> Path:
        lengths = " ".join(str(len(request)) for request in self.prepared).encode()
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(lengths + b"\n" + b"".join(self.prepared))
        self.path = Path(file.name)
        return self.path

    def __exit__(self, *error: object) -> None:
        self.path.unlink()


def in_turn(prepared: Sequence[bytes]) -> Requests:
    """``requests`` for reads: the same ones again and again."""

    def turn() -> Iterator[bytes]:
        while True:
            yield from prepared

    source = turn()
    return lambda count: [next(source) for _ in range(count)]
