"""What each person of a drop has for themselves alone, made by the database while it freezes.

A code is nine signs of ``READABLE``: eight drawn at random (31⁸ are 850 milliards) and a ninth
that follows from them, so that one copied badly is told from one of another shop. Two signs
exchanged or one mistaken never give a code again (31 is a prime).
"""

from collections.abc import Sequence
from hashlib import md5

from django.db import connection

from apps.campaigns.models import Drop, Run, Send
from apps.core.tokens import READABLE
from apps.messaging.letter import NO_CODE
from apps.shops.models import Shop

DRAWN, SIZE = 8, 9
NOBODYS = NO_CODE.replace("-", "")

_BASE, _TABLE = len(READABLE), Send._meta.db_table
_SIGNS = [f"(n / {_BASE**place} %% {_BASE})::int" for place in range(DRAWN)]
_CHECK = " + ".join(f"{place} * {sign}" for place, sign in enumerate(_SIGNS, 1))
_CODE = " || ".join(
    f"substr('{READABLE}', 1 + {sign}, 1)" for sign in (*_SIGNS, f"({_CHECK}) %% {_BASE}")
)
# The last 48 bits of a random UUID are all random, from the server's strong generator.
_GIVE = f"""
WITH people AS MATERIALIZED (
  SELECT id, ('x' || right(gen_random_uuid()::text, 12))::bit(48)::bigint AS n
  FROM (SELECT DISTINCT unnest(ids::bigint[]) AS id FROM unnest(%s::text[]) AS each (ids)) AS taken
)
INSERT INTO {_TABLE} ({{whose}}, contact_id, code)
SELECT %s, id, {_CODE} FROM people
WHERE NOT EXISTS (SELECT FROM {_TABLE} WHERE {{whose}} = %s AND contact_id = people.id)
ON CONFLICT DO NOTHING
"""
_HOLD = f"""
INSERT INTO {_TABLE} (drop_id, contact_id, held_out)
SELECT %s, unnest(ids::bigint[]), true FROM unnest(%s::text[]) AS each (ids)
ON CONFLICT DO NOTHING
"""
# Dice of a hundred faces that fall the same way for the same person and drop, ever. Each reads
# signs of its own: what one shows says nothing of the other.
HELD, TEXT = 1, 9
JOINED = f" JOIN {_TABLE} AS send ON send.drop_id = %s AND send.contact_id = c.id"


def check_sign(drawn: str) -> str:
    """The sign that follows from the eight that were drawn."""
    return READABLE[sum(n * READABLE.index(sign) for n, sign in enumerate(drawn, 1)) % _BASE]


def shown(code: str) -> str:
    """« K7Q-M3X-TPA »: as it is written in a message and said aloud."""
    return "-".join((code[:3], code[3:6], code[6:]))


def voucher_link(shop: Shop, code: str = NOBODYS) -> str:
    """The page a person shows at the counter: what their code gives, and a QR of it."""
    return f"{shop.url}/bon/{code}/"


def give(source: Drop | Run, people: int, ids: Sequence[str]) -> None:
    """A code to each of ``people``, whose ``ids`` come as arrays in PostgreSQL's writing.

    Whoever draws a code that somebody has draws again.
    """
    statement = _GIVE.format(whose="drop_id" if isinstance(source, Drop) else "run_id")
    with connection.cursor() as cursor:
        for _turn in range(20):
            cursor.execute(statement, [list(ids), source.pk, source.pk])
            people -= cursor.rowcount
            if people <= 0:
                return
    raise RuntimeError("codes were taken twenty times in a row")


def face(die: int, drop: Drop, contact_id: int) -> int:
    """What ``die`` shows for a person of ``drop``, from 0 to 99: by their two numbers alone."""
    drawn = md5(f"{drop.pk}:{contact_id}".encode(), usedforsecurity=False).hexdigest()
    return int(drawn[die - 1 : die + 7], 16) % 100


def face_of(die: int, drop: Drop, contact: str) -> str:
    """SQL: ``face`` of the column ``contact``; for a statement that takes parameters."""
    drawn = f"substr(md5('{int(drop.pk)}:' || {contact}), {die}, 8)"
    return f"(('x' || {drawn})::bit(32)::bigint %% 100)"


def held_out(drop: Drop, contact_id: int) -> bool:
    """Whether the person gets nothing of ``drop``, to see what it changes.

    By their number and the drop's alone: a freeze begun anew draws the same people, the price
    that was read leaves out just those, and one drop's draw says nothing of the next one's.
    """
    if not drop.hold_out:
        return False
    return face(HELD, drop, contact_id) < drop.hold_out


def is_held_out(drop: Drop, contact: str) -> str:
    """SQL: ``held_out`` of the column ``contact``; for a statement that takes parameters."""
    if not drop.hold_out:
        return "false"
    return f"{face_of(HELD, drop, contact)} < {int(drop.hold_out)}"


def hold(drop: Drop, ids: Sequence[str]) -> None:
    """Note who gets nothing; ``ids`` as in ``give``."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [drop.pk, list(ids)])


def own_code(run: Run, contact_id: int) -> str:
    """The code that one message alone brings, made now."""
    give(run, 1, [f"{{{contact_id}}}"])
    return str(Send.objects.get(run=run).code)


def in_words(text: str, code: str) -> str:
    """``text`` with ``code`` where nobody's stood; as ``with_code``, for one."""
    return text.replace(NO_CODE, shown(code)).replace(f"/{NOBODYS}/", f"/{code}/")


def with_code(text: str) -> str:
    """SQL: ``text`` with the person's own code where nobody's stood."""
    own = "substr(send.code, 1, 3) || '-' || substr(send.code, 4, 3) || '-' || substr(send.code, 7)"
    return f"replace(replace({text}, '{NO_CODE}', {own}), '/{NOBODYS}/', '/' || send.code || '/')"
