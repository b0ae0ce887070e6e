"""100,000 sends made ready, beside one raw INSERT … SELECT of the same rows; and how late the
shop's pages are meanwhile."""

import random
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from uuid import uuid4

from django.db import connections
from django.utils import timezone

from apps.campaigns import freezing
from apps.campaigns.models import Drop, State
from apps.core.tenancy import in_schema
from apps.core.tokens import READABLE
from tests.bench.big import Big, ask, big_shop
from tests.bench.ground import Ground
from tests.bench.load import in_turn, wrk
from tests.bench.people import stamp, team_of
from tests.bench.report import Row
from tests.bench.rows.card import _card

PEOPLE, MOST = 100_000, 3
LONGEST, SLOWER = 10.0, 2.0
# Half of them were written to lately, each at a moment of their own: they wait for it.
CAPPED = """
UPDATE contacts_contact SET last_commercial_at = now() - interval '5 days'
  - (id % 7000) * interval '10 seconds' WHERE id % 2 = 0
"""
CODE = "{prénom}, trois cartons de Chablis, 5 euros de moins avec {code}. À ce soir ? {lien}"
WORDS = "{prénom}, trois cartons de Chablis viennent d’arriver. À ce soir ? {lien}"


def measure(ground: Ground) -> Iterator[Row]:
    place = big_shop(ground, "cent-mille", people=PEOPLE, visits=PEOPLE)
    sms = {"use_email": False, "sms_text": WORDS}
    yield from _beside(ground, place, sms)
    for name, written in (
        ("SMS", sms),
        ("SMS, half of them capped", sms),
        ("SMS with a code", {"use_email": False, "sms_text": CODE, "offer": "5 € de moins"}),
        ("e-mails", {"use_sms": False, "email_subject": "Chablis", "email_text": WORDS * 3}),
    ):
        _empty(ground, place, CAPPED if "capped" in name else "")
        ours, count = _cpu(ground, lambda written=written: _freeze(place, written))
        raw, _ = _cpu(ground, lambda: _again(ground, place))
        each = f"{ours / count * 1e6:.0f} µs each"
        value = f"{ours / raw:.2f} × ({ours:.1f} s for {count:,}, {each})"
        yield Row(
            f"{name} made ready", f"≤ {MOST} × one INSERT … SELECT", value, ours / raw <= MOST
        )
    with ground.admin() as connection:
        connection.execute("TRUNCATE django_q_ormq, core_jobtry")  # drains, and news of stamps


def _beside(ground: Ground, place: Big, written: dict[str, object]) -> Iterator[Row]:
    """A customer looks at a card, a helper stamps one, before and while the list is made."""
    cards = in_turn([_card(place, number) for number in range(1, 2001)])
    team, anyone = team_of(place.shop), range(1, PEOPLE + 1)
    asked: dict[str, Callable[[], Sequence[bytes]]] = {
        "a card": lambda: cards(8000),
        "a stamp": lambda: [stamp(team, random.choice(anyone)) for _ in range(1500)],
    }
    _empty(ground, place)
    took = list[float]()

    def freeze() -> None:
        began = time.monotonic()
        took.append(_freeze(place, written))
        took.append(time.monotonic() - began)
        connections.close_all()

    with ground.serve() as server:

        def look(into: dict[str, list[float]]) -> None:
            for what, requests in asked.items():
                told = wrk(server, requests(), 1, connections=1)
                into[what].append(told["p95"])

        ask(server, _card(place, 1), times=10)
        before, during = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
        for _ in range(5):
            look(before)
        freezing_it = threading.Thread(target=freeze)
        freezing_it.start()
        while freezing_it.is_alive():
            look(during)
        freezing_it.join()
    people, seconds = took
    value = f"{seconds:.1f} s for {people:,}"
    yield Row(
        "freezing, somebody else at the shop", f"≤ {LONGEST:.0f} s", value, seconds <= LONGEST
    )
    for what in asked:
        # The last look ends after the freeze.
        meanwhile = during[what][:-1] or during[what]
        usual, slow = statistics.median(before[what]), statistics.median(meanwhile)
        value = f"{slow / usual:.2f} × ({slow:.1f} ms beside {usual:.1f} ms)"
        name, mark = f"{what}'s p95 while 100,000 freeze", f"≤ {SLOWER:.0f} × before it"
        looked = {"before": before[what], "during": during[what]}
        yield Row(name, mark, value, slow <= SLOWER * usual, looked)


def _cpu(ground: Ground, work: Callable[[], int]) -> tuple[float, int]:
    """Seconds of CPU of this process and the database, and what ``work`` returned."""
    before = time.process_time() + ground.database_cpu()
    done = work()
    return time.process_time() + ground.database_cpu() - before, done


def _freeze(place: Big, written: dict[str, object]) -> int:
    """As a worker does, job after job, until the drop has left for the outbox."""
    now = timezone.now()
    with in_schema(place.shop.schema_name), timezone.override(place.shop.zone):
        drop = Drop.objects.create(
            title="Arrivage", state=State.PREPARING, launch_token=uuid4(), **written
        )
        while drop.frozen_at is None:
            freezing.freeze(drop.pk, str(drop.launch_token), now)
            drop.refresh_from_db()
        return drop.audience_size


def _empty(ground: Ground, place: Big, and_then: str = "") -> None:
    with ground.admin() as connection:
        connection.execute(f"SET search_path = {place.shop.schema_name}")
        connection.execute("TRUNCATE messaging_attempt, messaging_message, campaigns_send CASCADE")
        connection.execute("UPDATE contacts_contact SET last_commercial_at = NULL")
        if and_then:
            connection.execute(and_then)
        connection.execute("VACUUM FULL contacts_contact")
        connection.execute("VACUUM ANALYZE")


def _again(ground: Ground, place: Big) -> int:
    """The same rows once more, under another cause, in one statement; and their codes, if any,
    with each sign moved on by one so that none is there twice."""
    with ground.admin() as connection:
        connection.execute(f"SET search_path = {place.shop.schema_name}")
        names = [
            name
            for (name,) in connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = %s "
                "AND table_name = 'messaging_message' AND column_name NOT IN ('id', 'cause')",
                [place.shop.schema_name],
            )
        ]
        columns = ", ".join(f'"{name}"' for name in names)
        connection.execute(
            "INSERT INTO campaigns_send (drop_id, contact_id, code) SELECT "
            "(SELECT min(id) FROM campaigns_drop), contact_id, translate(code, %s, %s) "
            "FROM campaigns_send ON CONFLICT DO NOTHING",
            [READABLE, READABLE[1:] + READABLE[0]],
        )
        return connection.execute(
            f"INSERT INTO messaging_message (cause, {columns}) "
            f"SELECT 'again', {columns} FROM messaging_message"
        ).rowcount
