"""100,000 sends made ready, beside one raw INSERT … SELECT of the same rows; and how late the
shop's pages are meanwhile."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
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


def _beside(ground: Ground, place: Big, written: dict[str, object]) -> Iterator[Row]:
    """One customer after the other looks at a card, before and while the list is made."""
    cards = in_turn([_card(place, number) for number in range(1, 2001)])
    _empty(ground, place)
    took = list[float]()

    def freeze() -> None:
        began = time.monotonic()
        took.append(_freeze(place, written))
        took.append(time.monotonic() - began)
        connections.close_all()

    with ground.serve() as server:
        ask(server, _card(place, 1), times=10)
        late = [wrk(server, cards(8000), 1, connections=1)["p95"] for _ in range(5)]
        freezing_it = threading.Thread(target=freeze)
        freezing_it.start()
        meanwhile = list[float]()
        while freezing_it.is_alive():
            meanwhile.append(wrk(server, cards(8000), 1, connections=1)["p95"])
        freezing_it.join()
    people, seconds = took
    value = f"{seconds:.1f} s for {people:,}"
    yield Row(
        "freezing, somebody else at the shop", f"≤ {LONGEST:.0f} s", value, seconds <= LONGEST
    )
    # The last look ends after the freeze.
    before, during = statistics.median(late), statistics.median(meanwhile[:-1] or meanwhile)
    value = f"{during / before:.2f} × ({during:.1f} ms beside {before:.1f} ms)"
    what, mark = "a card's p95 while 100,000 freeze", f"≤ {SLOWER:.0f} × before it"
    yield Row(what, mark, value, during <= SLOWER * before, {"before": late, "during": meanwhile})


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
