"""The full chaos, on a ground of its own: ``python -m tests.bench.chaos [seed]`` prints JSON.

Ten thousand messages leave to a provider that misbehaves, helpers stamp cards, and every few
seconds something is killed with -9: a worker, its supervisor, a web process, the whole database.
"""

import json
import os
import random
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from datetime import time as hour
from uuid import UUID

os.environ.setdefault("BENCH_GROUND", "chaos")

import psycopg

from config import embedded, processes
from tests.bench import ground as grounds

MANY, EVERY, PATIENCE = 10_000, 3.0, 600.0
FAULTS, CALLBACKS = 0.06, 0.05
STAMPS_EVERY = 0.15


class Helper(threading.Thread):
    """A phone at the counter: stamps, and sends the same gesture again until it is answered."""

    def __init__(self, place: object, port: int, chance: random.Random) -> None:
        super().__init__(daemon=True)
        self.place, self.port, self.chance = place, port, chance
        self.done: list[UUID] = []
        self.again = 0
        self.over = threading.Event()

    def run(self) -> None:
        from tests.bench.people import CARDS, stamp

        while not self.over.is_set():
            request = stamp(self.place, self.chance.randint(1, CARDS))  # type: ignore[arg-type]
            while not self._accepted(request):
                self.again += 1
                time.sleep(0.3)
            self.done.append(UUID(request.partition(b"&token=")[2][:36].decode()))
            time.sleep(STAMPS_EVERY)

    def _accepted(self, request: bytes) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as line:
            line.settimeout(10)
            line.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            return line.recv(12)[9:12] in {b"200", b"302"}
        return False


def kill_the_database(found: "grounds.Ground") -> None:
    """As when the power goes: everything at once; then the platform starts it again."""
    for pid in reversed(grounds.family(found.postmaster)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for _ in range(100):
        try:
            embedded.start(grounds.POSTGRES)
            break
        except psycopg.OperationalError:  # the dead one is not quite gone
            time.sleep(0.1)
    found.postmaster = int((grounds.POSTGRES / "postmaster.pid").read_text().split()[0])


def main() -> None:
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1000)
    chance = random.Random(seed)
    grounds.prepare()
    found = grounds.Ground()
    place = _shop(found)
    from tests import chaos

    port = processes.free_port()
    with chaos.provider(grounds.FOLDER, faults=FAULTS, callbacks=CALLBACKS) as twilio:
        surroundings = grounds.environment(PORT=str(port), WORKERS="2", **twilio.settings)
        log = grounds.FOLDER / "chaos.log"
        with chaos.kept(surroundings, log, processes.WEB, processes.WORKER) as (web, worker):
            processes.wait_until_ready(port, [web.process, worker.process])
            print(
                json.dumps(
                    {"seed": seed, **_storm(found, place, port, twilio, web, worker, chance)}
                )
            )


def _shop(found: "grounds.Ground") -> object:
    """A shop with ten thousand people who agreed, and a campaign to them ready to leave."""
    from psycopg import sql

    from apps.contacts.models import ConsentState, Contact
    from apps.core.tenancy import in_schema
    from apps.messaging.services import Posting, post_many
    from tests.bench.people import _person, shops
    from tests.bench.rows.sends import _CLEAR

    (place,) = shops(found, 1)
    shop = place.shop
    with found.admin() as connection:
        connection.execute(sql.SQL(_CLEAR).format(s=sql.Identifier(shop.schema_name)))
    with in_schema(shop.schema_name):
        shop.quiet_until, shop.quiet_from, shop.sundays_allowed = hour(0), hour.max, True
        shop.save()
        agreed = Contact.objects.filter(sms_consent=ConsentState.GRANTED)
        people = [_person(number) for number in range(1000 + agreed.count(), 1000 + MANY)]
        for person in people:
            person.sms_consent = ConsentState.GRANTED
            person.adult_declared_at = person.created_at
        Contact.objects.bulk_create(people, batch_size=1000)
        post_many(
            Posting(person, "sms", "commercial", "drop:1", f"Bonjour {person.pk}")
            for person in agreed.order_by("pk")
        )
    return place


def _storm(found, place, port, twilio, web, worker, chance):  # type: ignore[no-untyped-def]
    from django.db import DatabaseError, InterfaceError, connection

    from apps.core.tenancy import in_schema
    from apps.loyalty.models import Movement
    from tests import chaos

    helper = Helper(place, port, chance)
    helper.start()
    began = last = time.monotonic()
    kills = {"worker": 0, "web": 0, "database": 0}
    left, quiet_since = MANY, 0.0
    with in_schema(place.shop.schema_name):
        while left:
            chaos.rest()
            web.keep()
            worker.keep()
            now = time.monotonic()
            if now - began > PATIENCE:
                raise SystemExit(f"after {PATIENCE:.0f} s: {left} unsettled, kills {kills}")
            if twilio.behave() < MANY * 0.98 and now - last > EVERY:
                last = now
                what = chance.choices(("worker", "web", "database"), (5, 2, 2))[0]
                kills[what] += 1
                if what == "database":
                    kill_the_database(found)
                else:
                    {"worker": worker, "web": web}[what].kill_one(chance)
            quiet_since = last
            try:
                left = chaos.unsettled()
            except (DatabaseError, InterfaceError):
                connection.close()
        settled = time.monotonic()
        helper.over.set()
        helper.join(60)
        told = chaos.judge(twilio.taken())
        tokens = list(
            Movement.objects.filter(token__in=helper.done).values_list("token", flat=True)
        )
        assert len(tokens) == len(helper.done) == len(set(tokens)), "a stamp was lost or doubled"
    return {
        "kills": kills,
        "messages": told,
        "stamps": len(helper.done),
        "stamps sent again": helper.again,
        "seconds": round(settled - began),
        "settled after the last kill": round(settled - quiet_since),
    }


if __name__ == "__main__":
    main()
