"""The proof that what cards show is what their ledgers come to."""

from dataclasses import dataclass

from django.db import connection

NAMED = 5


@dataclass(frozen=True, slots=True)
class Wrong:
    """A card whose figures are not those of its ledger."""

    number: int
    balance: int
    summed: int
    ready: int
    counted: int


@dataclass(frozen=True, slots=True)
class Proof:
    """One shop's cards, the lines they were summed from, and how many are wrong; ``first`` names
    some of these by number."""

    cards: int
    lines: int
    wrong: int
    first: list[Wrong]


# All in the database, each table read once; only the wrong cards and their number come back.
_PROVE = """
WITH summed AS (
    SELECT card_id, sum(stamps) AS units, count(*) AS lines FROM loyalty_movement GROUP BY card_id
), counted AS (
    SELECT won.card_id, count(*) AS ready FROM loyalty_reward won
    LEFT JOIN loyalty_redemption given ON given.reward_id = won.id
    WHERE won.taken_back_at IS NULL AND given.id IS NULL GROUP BY won.card_id
), judged AS (
    SELECT number, balance, coalesce(units, 0) AS units, rewards_ready,
        coalesce(ready, 0) AS ready, coalesce(lines, 0) AS lines
    FROM loyalty_card card LEFT JOIN summed ON summed.card_id = card.id
    LEFT JOIN counted ON counted.card_id = card.id
), wrong AS (
    SELECT * FROM judged WHERE balance <> units OR rewards_ready <> ready
)
SELECT (SELECT count(*) FROM judged), (SELECT coalesce(sum(lines), 0) FROM judged),
    (SELECT count(*) FROM wrong),
    ARRAY(SELECT json_build_array(number, balance, units, rewards_ready, ready) FROM wrong
        ORDER BY number LIMIT %s)
"""


def prove_cards() -> Proof:
    """Every card of this shop: its balance against the sum of its lines, its rewards ready
    against those won, and neither handed over nor taken back. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_PROVE, [NAMED])
        cards, lines, wrong, first = cursor.fetchone()
    return Proof(cards, int(lines), wrong, [Wrong(*found) for found in first])
