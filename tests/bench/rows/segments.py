"""Counting whom a message is for, over 100,000 people, beside the same count written by hand."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from apps.audience.criteria import Criteria, Group, One, people, reach
from apps.audience.rules import Rule
from apps.audience.rules.buying import Colours, Regions, Spent
from apps.audience.rules.people import Age, Birthday, Enrolled, PhoneFrom, PostCode, Reachable, Tags
from apps.audience.rules.rewards import NearReward, RewardReady
from apps.audience.rules.visits import Rhythm, Seen, Unseen, Visits
from apps.core.tenancy import in_schema
from tests.bench.big import big_shop, sell
from tests.bench.ground import Ground
from tests.bench.report import Row

PEOPLE, VISITS, ROUNDS, MOST, P95_MS = 100_000, 2_000_000, 15, 2, 250
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


def _one(name: str, by_hand: str, *rules: Rule, match: str = "all") -> Segment:
    return Segment(name, Criteria.of(*rules, match=match), by_hand)


_BOTH_TAGS = ("Bourgogne", "Bulles")
_MANY = (Tags("every", _BOTH_TAGS), Unseen(45), Visits(2, None), Enrolled(date(2020, 1, 1)))
_NEAR = Group((One(NearReward(3)), One(RewardReady())), "any")
_THERE = Group((One(PostCode(("21",))), One(PhoneFrom(("RE",)))), "any")
# What one would not write: nothing of it can be found by an index, and all of it is asked of each.
_TANGLE = Criteria(
    (
        Group(
            (
                One(Tags("any", _BOTH_TAGS), True),
                One(Rhythm("1.5")),
                One(Visits(40, None)),
                One(Spent(1000, None, "365")),
            ),
            "any",
        ),
        Group((One(Birthday(30)), One(NearReward(3), True), One(Tags("any", ("Bulles",)))), "any"),
        Group((One(Reachable("sms"), True), One(Age(18, 30)), One(RewardReady())), "any", True),
    )
)
_LATE = (
    "(visits >= 3 AND last_visit_at < now() - interval '14 days' AND "
    "(now() - last_visit_at) * (visits - 1) * 2 > (last_visit_at - first_visit_at) * 3)"
)
_FETED = (
    "coalesce(to_char(birth_date, 'MMDD') IN (SELECT to_char(now() + n * interval '1 day', 'MMDD') "
    "FROM generate_series(0, 29) n), false)"
)
_SPENT = "spent_cents >= {}"
_SPENT_LATELY = (
    "p.id IN (SELECT contact_id FROM catalog_purchase WHERE cancelled_at IS NULL AND "
    "(at AT TIME ZONE 'UTC')::date >= (now() AT TIME ZONE 'UTC')::date - 365 "
    "GROUP BY 1 HAVING sum(amount_cents) >= {})"
)
_ONLY_RED = "tastes -> 'colour' = '[\"rouge\"]'"
_MOSTLY_JURA = "tastes -> 'region' ->> 0 = 'jura'"
_NOT_NEAR = f"NOT {_CARD.format('balance >= 7')}"
_TANGLED = " AND ".join(
    (
        f"(NOT {_BOTH} OR {_LATE} OR visits >= 40 OR {_SPENT_LATELY.format(100_000)})",
        f"({_FETED} OR {_NOT_NEAR} OR {_WEARS.format('2')})",
        f"NOT (NOT ({_SMS}) OR coalesce(age(birth_date) >= interval '18 years' AND "
        f"age(birth_date) < interval '31 years', false) OR {_CARD.format('rewards_ready > 0')})",
    )
)
SEGMENTS = (
    Segment("everybody", Criteria(), "true"),
    _one("a tag", _ONE, Tags("any", ("Bourgogne",))),
    _one("a tag or another", _BOTH, Tags("any", _BOTH_TAGS)),
    _one("a tag and another", f"{_ONE} AND {_WEARS.format('2')}", Tags("every", _BOTH_TAGS)),
    _one("seen within 30 days", _SEEN.format(30), Seen(30)),
    _one("not seen since 45 days", _UNSEEN.format(45), Unseen(45)),
    _one("late by their own rhythm", _LATE, Rhythm("1.5")),
    _one("came twice", "visits >= 2", Visits(2, None)),
    _one("spent 500 €", _SPENT.format(50_000), Spent(500, None)),
    _one("spent 500 € in a year", _SPENT_LATELY.format(50_000), Spent(500, None, "365")),
    _one("buys only red", _ONLY_RED, Colours("only", ("rouge",))),
    _one("prefers the Jura", _MOSTLY_JURA, Regions("mostly", ("jura",))),
    _one("near a reward", _CARD.format("balance >= 7"), NearReward(3)),
    _one("reward ready", _CARD.format("rewards_ready > 0"), RewardReady()),
    _one(
        "near or ready",
        _CARD.format("(balance >= 7 OR rewards_ready > 0)"),
        NearReward(3),
        RewardReady(),
        match="any",
    ),
    _one("a birthday soon", _FETED, Birthday(30)),
    _one("a place", "postal_code LIKE '212%'", PostCode(("212",))),
    Segment(
        "everything at once",
        Criteria((Group(tuple(One(rule) for rule in _MANY)), _NEAR, _THERE)),
        _EVERYTHING,
    ),
    Segment("a tangle of and, or and not", _TANGLE, _TANGLED),
)


@dataclass(slots=True)
class Taken:
    """Milliseconds of each round: by the clock, and of CPU of this process and the database."""

    clock: list[float]
    cpu: list[float]


def measure(ground: Ground) -> Iterator[Row]:
    place = big_shop(ground, "cent-mille", people=PEOPLE, visits=VISITS)
    sell(ground, place)
    shop = place.shop
    told: dict[str, dict[str, dict[str, float]]] = {"people": {}, "reach": {}}
    with in_schema(shop.schema_name), ground.admin() as connection:
        connection.execute("SELECT set_config('search_path', %s, false)", [shop.schema_name])

        def ask(text: str) -> int:
            return sum(row[-1] for row in connection.execute(text.encode()).fetchall())

        for one in SEGMENTS:
            sides = {
                "people": (
                    lambda one=one: people(one.criteria).count(),
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
    yield _slowest("count of a segment, 100,000 people, 2 million visits", told["people"])
    yield _worst("count of a segment, beside the same by hand", told["people"])
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
        "ours_p95_ms": round(sorted(mine.clock)[int(len(mine.clock) * 0.95)], 1),
        "ours_ms": round(statistics.median(mine.clock), 1),
        "by_hand_ms": round(statistics.median(theirs.clock), 1),
        "ours_cpu_ms": round(statistics.mean(mine.cpu), 1),
        "by_hand_cpu_ms": round(statistics.mean(theirs.cpu), 1),
    }


def _slowest(what: str, told: dict[str, dict[str, float]]) -> Row:
    name = max(told, key=lambda one: told[one]["ours_p95_ms"])
    worst = told[name]
    cpu = f"CPU {worst['ours_cpu_ms']:.0f} ms"
    value = f"p95 {worst['ours_p95_ms']:.0f} ms, usually {worst['ours_ms']:.0f} ms ({name}; {cpu})"
    return Row(what, f"p95 ≤ {P95_MS} ms", value, worst["ours_p95_ms"] <= P95_MS, told)


def _worst(what: str, told: dict[str, dict[str, float]]) -> Row:
    name = max(told, key=lambda one: told[one]["ratio"])
    worst = told[name]
    usual = statistics.median(one["ratio"] for one in told.values())
    cpu = f"CPU {worst['cpu_ratio']:.2f} ×, {worst['ours_cpu_ms']:.0f} ms"
    value = f"usually {usual:.2f} ×, worst {worst['ratio']:.2f} × ({name}; {cpu})"
    return Row(what, f"≤ {MOST} × the same by hand", value, worst["ratio"] <= MOST, told)
