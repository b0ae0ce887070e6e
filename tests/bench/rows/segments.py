"""Counting whom a message is for, over 100,000 people, beside the same count written by hand."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from apps.audience.criteria import Criteria, people, reach
from apps.core.tenancy import in_schema
from tests.bench.big import big_shop
from tests.bench.ground import Ground
from tests.bench.report import Row

PEOPLE, VISITS, ROUNDS, MOST = 100_000, 250_000, 9, 2
CHANNELS = ("sms", "email")
_COUNT = "SELECT count(*) FROM contacts_contact p WHERE merged_into_id IS NULL AND {}"
_SEEN = "last_visit_at >= now() - interval '{} days'"
_UNSEEN = "(last_visit_at < now() - interval '{} days' OR last_visit_at IS NULL)"
_WEARS = (
    "EXISTS (SELECT 1 FROM contacts_contact_tags w WHERE w.contact_id = p.id AND w.tag_id IN ({}))"
)
_CARD = "EXISTS (SELECT 1 FROM loyalty_card c WHERE c.contact_id = p.id AND {})"
_SMS = "sms_consent = 'granted' AND phone_mobile AND phone_bad_at IS NULL AND phone <> ''"
_ONE, _BOTH = _WEARS.format("1"), _WEARS.format("1, 2")
_EVERYTHING = " AND ".join(
    (
        _ONE,
        _WEARS.format("2"),
        _UNSEEN.format(45),
        "visits >= 2",
        _CARD.format("(balance >= 7 OR rewards_ready > 0)"),
        "(postal_code LIKE '21%' OR phone_region = 'RE')",
        "created_at >= date '2020-01-01'",
    )
)
# What the composer says: whom it reaches by which channel, and why not the others.
_REACH = """
SELECT sms, email, held, count(*) FROM (SELECT
  CASE WHEN phone = '' THEN 'no_address' WHEN NOT phone_mobile THEN 'landline'
    WHEN phone_bad_at IS NOT NULL THEN 'bad' ELSE sms_consent END AS sms,
  CASE WHEN email = '' THEN 'no_address' WHEN email_bad_at IS NOT NULL THEN 'bad'
    ELSE email_consent END AS email,
  CASE WHEN birth_date > now() - interval '18 years'
      OR birth_date IS NULL AND adult_declared_at IS NULL THEN 'minor'
    WHEN last_commercial_at > now() - interval '3 days' THEN 'cap' ELSE '' END AS held
  FROM contacts_contact p WHERE merged_into_id IS NULL AND {}) AS judged GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Segment:
    """A choice, and the same one by hand. ``by_hand`` follows WHERE."""

    name: str
    criteria: Criteria
    by_hand: str


SEGMENTS = (
    Segment("everybody", Criteria(), "true"),
    Segment("a tag", Criteria(tags=("Bourgogne",)), _ONE),
    Segment("a tag or another", Criteria(tags=("Bourgogne", "Bulles")), _BOTH),
    Segment(
        "a tag and another",
        Criteria(tags=("Bourgogne", "Bulles"), every_tag=True),
        f"{_ONE} AND {_WEARS.format('2')}",
    ),
    Segment("seen within 30 days", Criteria(seen_within=30), _SEEN.format(30)),
    Segment("not seen since 45 days", Criteria(not_seen_since=45), _UNSEEN.format(45)),
    Segment("came twice", Criteria(visits_at_least=2), "visits >= 2"),
    Segment("near a reward", Criteria(near_reward=3), _CARD.format("balance >= 7")),
    Segment("reward ready", Criteria(reward_ready=True), _CARD.format("rewards_ready > 0")),
    Segment(
        "near or ready",
        Criteria(near_reward=3, reward_ready=True),
        _CARD.format("(balance >= 7 OR rewards_ready > 0)"),
    ),
    Segment("a place", Criteria(places=("212",)), "postal_code LIKE '212%'"),
    Segment(
        "everything at once",
        Criteria(
            tags=("Bourgogne", "Bulles"),
            every_tag=True,
            not_seen_since=45,
            visits_at_least=2,
            near_reward=3,
            reward_ready=True,
            places=("21",),
            territories=("RE",),
            enrolled_since=date(2020, 1, 1),
        ),
        _EVERYTHING,
    ),
)


@dataclass(slots=True)
class Taken:
    """Milliseconds of each round: by the clock, and of CPU of this process and the database."""

    clock: list[float]
    cpu: list[float]


def measure(ground: Ground) -> Iterator[Row]:
    place = big_shop(ground, "cent-mille", people=PEOPLE, visits=VISITS)
    shop = place.shop
    told: dict[str, dict[str, dict[str, float]]] = {"people": {}, "reach": {}}
    with in_schema(shop.schema_name), ground.admin() as connection:
        connection.execute("SELECT set_config('search_path', %s, false)", [shop.schema_name])

        def ask(text: str) -> int:
            return sum(row[-1] for row in connection.execute(text.encode()).fetchall())

        for one in SEGMENTS:
            sides = {
                "people": (
                    lambda one=one: people(one.criteria, shop).count(),
                    lambda one=one: ask(_COUNT.format(one.by_hand)),
                ),
                "reach": (
                    lambda one=one: reach(one.criteria, CHANNELS, shop).total,
                    lambda one=one: ask(_REACH.format(one.by_hand)),
                ),
            }
            for what, (ours, by_hand) in sides.items():
                if ours() != by_hand():
                    raise RuntimeError(f"{one.name}: another count by hand")
                told[what][one.name] = _compared(ground, ours, by_hand)
    yield _worst("count of a segment, 100,000 people", told["people"])
    yield _worst("whom a message reaches, and why not", told["reach"])


def _compared(
    ground: Ground, ours: Callable[[], int], by_hand: Callable[[], int]
) -> dict[str, float]:
    """Both, turn about: medians, and the median of the rounds' own ratios."""
    taken = Taken([], []), Taken([], [])
    for _ in range(ROUNDS):
        for count, side in zip((ours, by_hand), taken, strict=True):
            before = time.process_time() + ground.database_cpu()
            began = time.perf_counter()
            count()
            side.clock.append((time.perf_counter() - began) * 1000)
            side.cpu.append((time.process_time() + ground.database_cpu() - before) * 1000)
    mine, theirs = taken
    ratios = [a / b for a, b in zip(mine.clock, theirs.clock, strict=True)]
    return {
        "ratio": round(statistics.median(ratios), 2),
        "cpu_ratio": round(sum(mine.cpu) / sum(theirs.cpu), 2),  # the clock of CPU ticks at 10 ms
        "ours_ms": round(statistics.median(mine.clock), 1),
        "by_hand_ms": round(statistics.median(theirs.clock), 1),
        "ours_cpu_ms": round(statistics.mean(mine.cpu), 1),
        "by_hand_cpu_ms": round(statistics.mean(theirs.cpu), 1),
    }


def _worst(what: str, told: dict[str, dict[str, float]]) -> Row:
    name = max(told, key=lambda one: told[one]["ratio"])
    worst = told[name]
    usual = statistics.median(one["ratio"] for one in told.values())
    cpu = f"CPU {worst['cpu_ratio']:.2f} ×, {worst['ours_cpu_ms']:.0f} ms"
    value = f"usually {usual:.2f} ×, worst {worst['ratio']:.2f} × ({name}; {cpu})"
    return Row(what, f"≤ {MOST} × the same by hand", value, worst["ratio"] <= MOST, told)
