"""The shop's rule, chosen and changed; what a change does to the cards, and its way back.

While cards are converted they stand still: a stamp waits, then reads the new rule.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import uuid4

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.core import due
from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.refusal import Refusal
from apps.loyalty.facts import ProgrammeChanged
from apps.loyalty.models import (
    Card,
    Fate,
    Movement,
    MovementKind,
    Programme,
    ProgrammeChange,
    Reward,
)
from apps.loyalty.nights import DUE, look_at_all
from apps.loyalty.referral_models import REFERRAL
from apps.loyalty.rule import share
from apps.loyalty.services.ledger import Gesture, break_up, keep, win_climbed, write

MAY_GO_BACK = timedelta(days=1)
RULES = (
    "kind",
    "goal",
    "reward",
    "reward_is_alcohol",
    "steps",
    "points_per_euro",
    "bonus_times",
    "bonus_days",
    "bonus_from",
    "bonus_until",
    "tiers",
    "reward_days",
    "balance_months",
    "birthday_gift",
    "birthday_is_alcohol",
    "merge_rule",
    "referral",
    "sponsor_gets",
    "friend_gets",
    "cooldown_minutes",
    "helper_hourly_limit",
    "helper_pace",
    "device_pace",
    "apart_minutes",
    "watch_hours",
)


class ChangeTooOld(Refusal):
    message = _(
        "Ce changement ne se reprend plus : il date de plus d’un jour, ou un autre a suivi."
    )


@transaction.atomic
def set_programme(*, by: Actor, now: datetime, fate: Fate = Fate.KEEP, **rules: Any) -> Programme:
    """Choose or change the shop's rule (``RULES``), with its trail; ``fate`` is what happens to
    the balances when they would mean something else (``asks_fate``).

    A card that holds the new goal or more wins at its next stamp. Rewards won stay.
    """
    programme = Programme.objects.select_for_update().first()
    before = rules_of(programme) if programme else None
    old = Programme.objects.first()
    programme = programme or Programme(started_at=now)
    for name in RULES:
        setattr(programme, name, rules.get(name, getattr(programme, name)))
    after = rules_of(programme)
    if before == after:
        return programme
    if old is not None and asks_fate(old, programme):
        _change(old, programme, fate, by, now)
    programme.save()
    if any((before or {}).get(name) != after[name] for name in ("tiers", "balance_months")):
        look_at_all(now)
    elif programme.needs_nights:
        due.note(DUE, now)
    record(by, "set_programme", "programme", programme.pk, before=before, after=after)
    announce(ProgrammeChanged())
    return programme


def rules_of(programme: Programme) -> dict[str, Any]:
    """The rule as JSON keeps it."""
    found = {name: getattr(programme, name) for name in RULES}
    return {n: v.isoformat() if isinstance(v, time) else v for n, v in found.items()}


def asks_fate(old: Programme, new: Programme) -> bool:
    """Whether balances mean something else under ``new``. A price in points does not touch
    anybody's points."""
    return old.kind != new.kind or (old.goal != new.goal and not new.is_spent)


def fates(old: Programme, new: Programme) -> list[Fate]:
    """What may become of the balances: a stamp is no euro and no point, so it is not kept."""
    same = old.kind == new.kind or not (old.counts.by_amount or new.counts.by_amount)
    return list(Fate) if same else [Fate.CONVERT, Fate.ZERO]


# What a balance becomes, in whole units rounded down.
_BECOMES = {
    Fate.KEEP: "balance",
    Fate.CONVERT: "(balance::bigint * %(new)s / %(old)s)::int",
    Fate.ZERO: "0",
}
_LIVING = """
FROM loyalty_card card JOIN contacts_contact person ON person.id = card.contact_id
WHERE person.merged_into_id IS NULL AND card.balance > 0
"""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fate would do, in numbers: cards with a balance, those it changes, those that then
    hold the goal and win at their next stamp, those left with nothing."""

    fate: Fate
    cards: int
    changed: int
    full: int
    empty: int


def effects(old: Programme, new: Programme) -> list[Effect]:
    """Of each fate that may be chosen, one count over the cards."""
    found = []
    for fate in fates(old, new):
        becomes = _BECOMES[fate]
        counted = f"""SELECT count(*), count(*) FILTER (WHERE {becomes} <> balance),
            count(*) FILTER (WHERE {becomes} >= %(new)s AND NOT %(spent)s),
            count(*) FILTER (WHERE {becomes} = 0) {_LIVING}"""
        with connection.cursor() as cursor:
            values = {"new": new.goal, "old": old.goal, "spent": new.is_spent}
            cursor.execute(counted, values)
            found.append(Effect(fate, *cursor.fetchone()))
    return found


_LINES = """
    INSERT INTO loyalty_movement (card_id, kind, stamps, token, cause, actor_kind, actor_id,
        place, device, at)
    SELECT id, 'correct', becomes - balance, gen_random_uuid(), %(cause)s, %(actor_kind)s,
        %(actor_id)s, %(place)s, %(device)s, %(at)s FROM moved
"""
_KEEP = "UPDATE loyalty_card card SET balance = becomes FROM moved WHERE moved.id = card.id"


def _change(old: Programme, new: Programme, fate: Fate, by: Actor, now: datetime) -> None:
    _stand_still()
    last = Movement.objects.order_by("-pk").values_list("pk", flat=True).first()
    change = ProgrammeChange.objects.create(
        before=rules_of(old),
        after=rules_of(new),
        fate=fate,
        cards=0,
        ledger_from=last or 0,
        actor_kind=by.kind,
        actor_id=by.id,
        at=now,
    )
    if fate != Fate.KEEP:
        moved = f"SELECT card.id, balance, {_BECOMES[fate]} AS becomes {_LIVING}"
        moved = f"SELECT * FROM ({moved}) each WHERE becomes <> balance"
        values = {"new": new.goal, "old": old.goal}
        change.cards = _correct(moved, values, change.cause, by, now)
        change.save(update_fields=["cards"])
    if fate != Fate.KEEP or old.kind != new.kind:
        new.counted_since = now


def _stand_still() -> None:
    """No card is locked or written by another until this transaction ends; all are readable."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE loyalty_card IN EXCLUSIVE MODE")


def _correct(moved: str, values: dict[str, Any], cause: str, by: Actor, now: datetime) -> int:
    """Lines and balances of the cards that ``moved`` selects (id, balance, becomes)."""
    said = {
        "cause": cause,
        "actor_kind": by.kind,
        "actor_id": by.id,
        "place": by.place,
        "device": by.device,
        "at": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(f"WITH moved AS ({moved}), line AS ({_LINES}) {_KEEP}", {**values, **said})
        count: int = cursor.rowcount
    return count


# --- the way back -------------------------------------------------------------------------


def last_change(now: datetime) -> ProgrammeChange | None:
    """The change that may still be taken back."""
    latest = ProgrammeChange.objects.order_by("-at", "-pk").first()
    fresh = latest is not None and latest.undone_at is None and now - latest.at <= MAY_GO_BACK
    return latest if fresh else None


# A card that did nothing since: what the change did to it, the other way round.
_UNTOUCHED = """
SELECT card.id, card.balance, card.balance - line.stamps AS becomes
FROM loyalty_movement line JOIN loyalty_card card ON card.id = line.card_id
WHERE line.id > %(from)s AND line.cause = %(change)s AND NOT (card.id = ANY(%(busy)s))
"""


@transaction.atomic
def undo_change(*, change: ProgrammeChange, by: Actor, now: datetime) -> Programme:
    """As though the rule had never been changed: by further lines, exactly.

    A card gets back what it had; what it did since counts as it would have under the old rule.
    Rewards won since and still ready are broken up, those handed over stay handed over. Undone
    twice is undone once. Raises ``ChangeTooOld``.
    """
    programme = Programme.objects.select_for_update().get()
    _stand_still()
    change.refresh_from_db()
    if change.undone_at is not None:
        return programme
    if last_change(now) != change:
        raise ChangeTooOld()
    new = Programme.objects.get()
    for name in RULES:
        setattr(programme, name, change.before.get(name, getattr(new, name)))
    if programme.kind != new.kind or change.fate != Fate.KEEP:
        programme.counted_since = now
    programme.save()
    programme.refresh_from_db()
    since = Movement.objects.filter(pk__gt=change.ledger_from).exclude(cause=change.cause)
    busy = set(since.filter(card__contact__merged_into=None).values_list("card", flat=True))
    merged = set(Card.objects.exclude(contact__merged_into=None).values_list("pk", flat=True))
    values = {
        "from": change.ledger_from,
        "change": change.cause,
        "busy": sorted(busy | merged),
    }
    back = f"{change.cause}:back"
    _correct(_UNTOUCHED, values, back, by, now)
    for card in Card.objects.filter(pk__in=busy).select_related("contact").order_by("pk"):
        _as_if_never(card, change, programme, new, Gesture(uuid4(), by, now))
    if programme.needs_nights:
        look_at_all(now)
    change.undone_at = now
    change.save(update_fields=["undone_at"])
    record(by, "undo_programme", "programme", programme.pk, before=change.after)
    announce(ProgrammeChanged())
    return programme


def _as_if_never(
    card: Card, change: ProgrammeChange, old: Programme, new: Programme, gesture: Gesture
) -> None:
    lines = list(
        Movement.objects.filter(card=card, pk__gt=change.ledger_from)
        .select_related("undone_by", "undoes")
        .order_by("pk")
    )
    before = card.balance - sum(line.stamps for line in lines)
    ready = Reward.objects.ready().filter(card=card, won_by__gt=change.ledger_from)
    ready = ready.filter(won_by__kind=MovementKind.REWARD, won_by__card=card)
    for reward in ready.select_related("won_by"):
        break_up(card, reward, gesture)
    becomes = max(0, before + _worth_since(lines, change, old, new))
    if becomes != card.balance:
        cause = f"{change.cause}:back"
        write(card, MovementKind.CORRECT, becomes - card.balance, gesture, cause=cause)
    win_climbed(card, old, before, gesture.also("won"), None)
    keep(card)


def _worth_since(
    lines: list[Movement], change: ProgrammeChange, old: Programme, new: Programme
) -> int:
    """What the lines since the change come to under the old rule."""
    returned: dict[int, list[Movement]] = {}
    for line in lines:
        if line.kind == MovementKind.RETURN and line.follows_id is not None:
            returned.setdefault(line.follows_id, []).append(line)
    worth = 0
    for line in lines:
        if line.kind == MovementKind.EARN and not hasattr(line, "undone_by"):
            worth += _left_of(line, old, returned.pop(line.pk, []))
        elif _is_given(line):
            same = change.fate == Fate.KEEP
            worth += line.stamps if same else line.stamps * old.goal // new.goal
        elif line.undoes and line.undoes.pk <= change.ledger_from:
            worth += line.stamps  # a gesture or a reward of before, taken back since
    # Left in the table: returns of what was earned before the change.
    return worth + sum(line.stamps for lines in returned.values() for line in lines)


def _is_given(line: Movement) -> bool:
    """It is not worth what a gesture is: another card's, or the gift of a friend who came. What
    took that back is counted as a return."""
    if line.kind == MovementKind.BONUS:
        return line.cause == REFERRAL and not hasattr(line, "undone_by")
    return line.kind in {MovementKind.IMPORT, MovementKind.TRANSFER}


def _left_of(earned: Movement, rule: Programme, returns: list[Movement]) -> int:
    units = rule.worth(earned.amount_cents) * rule.times(earned.at)
    if not earned.amount_cents:
        return 0 if returns else units
    given_back = sum(line.amount_cents or 0 for line in returns)
    return units - share(units, given_back, earned.amount_cents)
