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
from typing import Any
from uuid import UUID

os.environ.setdefault("BENCH_GROUND", "chaos")

import psycopg

from config import embedded, processes
from tests.bench import ground as grounds

MANY, EVERY, PATIENCE = 10_000, 3.0, 600.0
FAULTS, CALLBACKS = 0.06, 0.05
STAMPS_EVERY = 0.15
# Which dies next, by weight.
VICTIMS = {"worker": 5, "web": 2, "database": 2}


class Helper(threading.Thread):
    """A phone at the counter: stamps, and sends the same gesture again until it is answered."""

    def __init__(self, place: Any, port: int) -> None:
        super().__init__(daemon=True)
        self.place, self.port = place, port
        self.done: list[UUID] = []
        self.again = 0
        self.over = threading.Event()

    def run(self) -> None:
        from tests.bench.people import CARDS, stamp

        while not self.over.is_set():
            request = stamp(self.place, random.randint(1, CARDS))
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


def ready_to_leave(ground: grounds.Ground) -> Any:
    """A shop with ten thousand people who agreed, and a campaign to all of them."""
    from psycopg import sql

    from apps.contacts.models import ConsentState, Contact
    from apps.core.tenancy import in_schema
    from tests.bench.people import _person, shops
    from tests.bench.rows.sends import _CLEAR
    from tests.outbox import post_to

    (place,) = shops(ground, 1)
    shop = place.shop
    with ground.admin() as connection:
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
        post_to(agreed.order_by("pk"))
    return place


class Storm:
    """One run: what is kept alive, what was killed, and how it ended."""

    def __init__(self, seed: int, ground: grounds.Ground, place: Any, port: int) -> None:
        self.seed, self.ground, self.place = seed, ground, place
        self.chance = random.Random(seed)
        self.helper = Helper(place, port)
        self.kills = dict.fromkeys(VICTIMS, 0)

    def rage(self, twilio: Any, kept: dict[str, Any]) -> dict[str, Any]:
        """Kill until nearly all has left, then wait until nothing is to be done; judge."""
        from apps.core.tenancy import in_schema
        from tests import chaos

        self.helper.start()
        began = last = time.monotonic()
        with in_schema(self.place.shop.schema_name):
            while left := self._unsettled():
                chaos.rest()
                for one in kept.values():
                    one.keep()
                now = time.monotonic()
                if now > began + PATIENCE:
                    raise SystemExit(f"after {PATIENCE:.0f} s {left} unsettled, {self.kills}")
                if now > last + EVERY and twilio.behave() < MANY * 0.98:
                    last = now
                    self._kill(kept)
            ended = time.monotonic()
            self._count_stamps()
            told = chaos.judge(twilio.taken())
        return {
            "seed": self.seed,
            "kills": self.kills,
            "messages": told,
            "stamps": len(self.helper.done),
            "stamps sent again": self.helper.again,
            "seconds": round(ended - began),
            "settled after the last kill": round(ended - last),
        }

    def _unsettled(self) -> int:
        from django.db import DatabaseError, InterfaceError, connection

        from tests import chaos

        try:
            return chaos.unsettled()
        except (DatabaseError, InterfaceError):  # it was just killed
            connection.close()
            return MANY

    def _kill(self, kept: dict[str, Any]) -> None:
        what = self.chance.choices(list(VICTIMS), list(VICTIMS.values()))[0]
        self.kills[what] += 1
        if what == "database":
            self._kill_the_database()
        else:
            kept[what].kill_one(self.chance)

    def _kill_the_database(self) -> None:
        """As when the power goes: everything at once; then the platform starts it again."""
        for pid in reversed(grounds.family(self.ground.postmaster)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for _ in range(100):
            try:
                embedded.start(grounds.POSTGRES)
                break
            except psycopg.OperationalError:  # the dead one is not quite gone
                time.sleep(0.1)
        self.ground = grounds.Ground()

    def _count_stamps(self) -> None:
        from apps.loyalty.models import Movement, MovementKind

        self.helper.over.set()
        self.helper.join(60)
        done = self.helper.done
        assert done, "nobody could stamp"
        found = Movement.objects.filter(token__in=done).count()
        assert found == len(set(done)), f"{len(done)} stamps answered, {found} written"
        given = Movement.objects.filter(kind=MovementKind.EARN).count()
        assert given == len(done), f"{len(done)} stamps answered, {given} given"


def main() -> None:
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1000)
    grounds.prepare()
    ground = grounds.Ground()
    place = ready_to_leave(ground)
    from tests import chaos

    port, log = processes.free_port(), grounds.FOLDER / "chaos.log"
    with chaos.provider(grounds.FOLDER, faults=FAULTS, callbacks=CALLBACKS) as twilio:
        surroundings = grounds.environment(PORT=str(port), WORKERS="2", **twilio.settings)
        with chaos.kept(surroundings, log, processes.WEB, processes.WORKER) as (web, worker):
            processes.wait_until_ready(port, [web.process, worker.process])
            storm = Storm(seed, ground, place, port)
            print(json.dumps(storm.rage(twilio, {"web": web, "worker": worker})))


if __name__ == "__main__":
    main()
