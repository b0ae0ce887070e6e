"""locust against gunicorn: helpers from the sign-in to the stamp, and what the ledgers say."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

from django.conf import settings

from apps.core.tenancy import in_schema
from apps.loyalty.models import Movement, MovementKind
from config import processes
from tests.bench.ground import FOLDER, Ground, Server
from tests.bench.people import CARDS, PASSWORD, Place, shops
from tests.bench.report import Row

HELPERS, SECONDS, PATIENCE = 8, 20, 300


def measure(ground: Ground) -> Iterator[Row]:
    places = shops(ground, HELPERS)
    with ground.admin() as connection:
        connection.execute("TRUNCATE core_ratecounter, core_cache")
    with ground.serve() as server:
        told = _run(server, places)
    steps, answered = told["steps"], Counter(told["answered"])
    kept = _in_the_ledgers(places)
    errors = sum(step["failures"] for step in steps.values()) + len(told["broken"])
    if "stamp" not in steps:
        raise RuntimeError(f"nobody came as far as a stamp: {told}")
    late = f"p50 {steps['stamp']['p50']} ms, p95 {steps['stamp']['p95']} ms"
    value = f"a stamp {late}, {errors} errors"
    yield Row("locust: a helper's journey", "no error", value, errors == 0, told)
    same = kept == answered and answered["stamp"] > 0
    value = f"{dict(kept)} for {dict(answered)}"
    yield Row("locust: lines in the ledgers", "as many as answers", value, same, dict(answered))


def _run(server: Server, places: Sequence[Place]) -> dict[str, dict]:
    suffix, out = f":{server.port}", FOLDER / "journey.json"
    team = [
        {"host": place.shop.host + suffix, "email": place.helpers[0].user.email} for place in places
    ]
    said = {
        "server": f"http://127.0.0.1{suffix}",
        "platform": settings.PLATFORM_HOST + suffix,
        "team": team,
        "password": PASSWORD,
        "cards": CARDS,
        "seconds": SECONDS,
        "out": str(out),
    }
    out.unlink(missing_ok=True)
    # The time begins when all have signed in; whoever is serving when it is up finishes: no
    # answer is lost on the way.
    command = f"locust -f tests/bench/journey.py --headless -u {HELPERS} -r {HELPERS}"
    command += f" -t {PATIENCE}s --stop-timeout 60 --only-summary --exit-code-on-error 0"
    subprocess.run(
        [sys.executable, "-m", *command.split()],
        cwd=processes.ROOT,
        env={**os.environ, "BENCH_JOURNEY": json.dumps(said)},
        capture_output=True,
        check=True,
    )
    found: dict[str, dict] = json.loads(out.read_text())
    return found


def _in_the_ledgers(places: Sequence[Place]) -> Counter[str]:
    kept: Counter[str] = Counter()
    for place in places:
        with in_schema(place.shop.schema_name):
            for name, kind in (("stamp", MovementKind.EARN), ("undo", MovementKind.UNDO)):
                kept[name] += Movement.objects.filter(kind=kind).count()
    return kept
