"""Which of a drop's two texts each person reads: by lot, the same each time, whatever dies.

The lot is the person's and the drop's numbers alone, and no hand of the one who is held out
(``personal``). So a freeze begun anew writes the same text to the same people, and no row need say
who read what.
"""

from django.db.models import Case, Expression, F, Func, IntegerField, Lookup, Value, When
from django.db.models.lookups import GreaterThanOrEqual, LessThan

from apps.campaigns.models import Drop, Pick, Rival
from apps.campaigns.personal import TEXT, face, face_of


def rival_of(drop: Drop) -> Rival | None:
    """The drop's second text, if it has one."""
    found: Rival | None = getattr(drop, "rival", None)
    return found


def reads(drop: Drop, contact_id: int) -> str:
    """``Pick.A`` or ``Pick.B``; nothing for who waits until one of the two is picked."""
    rival = rival_of(drop)
    if rival is None:
        return str(Pick.A)
    shows = face(TEXT, drop, contact_id)
    if shows < 2 * rival.share:
        return str(Pick.A if shows < rival.share else Pick.B)
    if rival.pick == Pick.HALF:
        return str(Pick.A if shows < 50 + rival.share else Pick.B)
    return rival.pick


def reads_of(drop: Drop, contact: str = "pk") -> Expression:
    """``reads`` of the column ``contact``, found by the database."""
    rival = rival_of(drop)
    if rival is None:
        return Value(Pick.A.value)
    rest: Expression = Value(rival.pick)
    if rival.pick == Pick.HALF:
        rest = _either(drop, contact, 50 + rival.share, Value(Pick.B.value))
    return side_of(drop, contact, rest)


def side_of(drop: Drop, contact: str = "contact", rest: Expression | None = None) -> Expression:
    """Which text the column ``contact`` was drawn to try; ``rest`` (nothing) for the others."""
    share = drop.rival.share
    b = Case(
        When(LessThan(_shows(drop, contact), 2 * share), then=Value(Pick.B.value)),
        default=rest or Value(""),
    )
    return _either(drop, contact, share, b)


def _either(drop: Drop, contact: str, below: int, b: Expression) -> Expression:
    return Case(When(LessThan(_shows(drop, contact), below), then=Value(Pick.A.value)), default=b)


def turn_of(drop: Drop) -> "Lookup[int]":
    """Whose turn it is: first those of the trial, and once a text is picked the others."""
    in_order = GreaterThanOrEqual if drop.rival.pick else LessThan
    return in_order(_shows(drop, "pk"), 2 * drop.rival.share)


def _shows(drop: Drop, contact: str) -> Func:
    shown = face_of(TEXT, drop, "%(expressions)s").replace("%% 100", "%%%% 100")
    return Func(F(contact), template=shown, output_field=IntegerField())
