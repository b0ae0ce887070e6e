"""What Django would run as one transaction, cut so that nobody at a counter waits for it.

The statements are those Django wrote for the template. On a table that was there before:

- an index is built ``CONCURRENTLY``, outside a transaction;
- CHECK and FOREIGN KEY are added ``NOT VALID`` and validated apart, under a lock that lets
  others write;
- UNIQUE becomes its index, built apart, then a constraint that uses it;
- NOT NULL is proven by a validated CHECK first, so that PostgreSQL does not scan the table
  under its lock; the rows are filled in batches before.

What comes out is the same catalogue, to the name: a test compares.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from re import Match

_NAME = r'"((?:[^"]|"")+)"'
_CREATE_TABLE = re.compile(rf"CREATE TABLE {_NAME}")
_INDEX = re.compile(
    rf"CREATE (UNIQUE )?INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?{_NAME} ON {_NAME} ?(.+)",
    re.DOTALL,
)
_DROP_APART = re.compile(r"DROP INDEX CONCURRENTLY .+", re.DOTALL)
_CHECKED = re.compile(
    rf"ALTER TABLE {_NAME} ADD CONSTRAINT {_NAME} (?:CHECK|FOREIGN KEY) .+", re.DOTALL
)
_UNIQUE = re.compile(
    rf"ALTER TABLE {_NAME} ADD CONSTRAINT {_NAME} UNIQUE (\([^)]*\))((?: DEFERRABLE.*)?)"
)
_COLUMN = re.compile(
    rf"ALTER TABLE {_NAME} ADD COLUMN {_NAME} (.+?)( UNIQUE)?(?: CHECK (\(.+\)))?", re.DOTALL
)
_NOT_NULL = re.compile(rf"ALTER TABLE {_NAME} ALTER COLUMN {_NAME} SET NOT NULL")
_FILL = re.compile(rf"UPDATE {_NAME} SET {_NAME} = .+ WHERE {_NAME} IS NULL", re.DOTALL)
_AFTER_FILL = "; SET CONSTRAINTS ALL IMMEDIATE"  # Django's, for deferred keys of one transaction
_LONGEST_NAME = 63


@dataclass(frozen=True)
class Together:
    """Statements of one short transaction."""

    statements: tuple[str, ...]


@dataclass(frozen=True)
class Build:
    """An index, built while others write; a half-built one is dropped first."""

    index: str
    statement: str


@dataclass(frozen=True)
class Apart:
    """A statement outside a transaction that holds up no write and may be run again."""

    statement: str


@dataclass(frozen=True)
class Fill:
    """A column without value filled in batches, each its own transaction."""

    statement: str


Step = Together | Build | Apart | Fill


def _quoted(name: str) -> str:
    return f'"{name}"'  # as it was written: a quote in it is still doubled


@dataclass
class _Cutter:
    steps: list[Step] = field(default_factory=list)
    together: list[str] = field(default_factory=list)
    to_validate: dict[str, str] = field(default_factory=dict)
    made_here: set[str] = field(default_factory=set)

    def flush(self) -> None:
        if self.together:
            self.steps.append(Together(tuple(self.together)))
            self.together = []

    def take(self, statement: str) -> None:
        text = statement.strip().rstrip(";")
        made = _CREATE_TABLE.match(text)
        if made:
            self.made_here.add(made[1])
        for pattern, cut in self._cuts():
            found = pattern.fullmatch(text.removesuffix(_AFTER_FILL))
            if found and ";" in found[0]:
                break  # several statements: as they are
            if found and found.groups() and self._table(found) in self.made_here:
                break
            if found and cut(found) is not False:
                return
        self.together.append(text)

    def _table(self, found: Match[str]) -> str:
        return str(found[3] if found.re is _INDEX else found[1])

    def _cuts(self) -> tuple[tuple[re.Pattern[str], Callable[[Match[str]], bool | None]], ...]:
        return (
            (_INDEX, self._index),
            (_DROP_APART, self._drop_apart),
            (_CHECKED, self._checked),
            (_UNIQUE, self._unique),
            (_COLUMN, self._column),
            (_NOT_NULL, self._not_null),
            (_FILL, self._fill),
        )

    def _build(self, index: str, table: str, rest: str, unique: bool) -> None:
        self.flush()
        kind = "UNIQUE INDEX" if unique else "INDEX"
        self.steps.append(
            Build(
                index.replace('""', '"'),
                f"CREATE {kind} CONCURRENTLY {_quoted(index)} ON {_quoted(table)} {rest}",
            )
        )

    def _index(self, found: Match[str]) -> None:
        self._build(found[2], found[3], found[4], bool(found[1]))

    def _drop_apart(self, found: Match[str]) -> None:
        self.flush()
        self.steps.append(Apart(found[0]))

    def _checked(self, found: Match[str]) -> None:
        self.together.append(f"{found[0]} NOT VALID")
        table, name = _quoted(found[1]), _quoted(found[2])
        self.to_validate[name] = f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}"

    def _add_unique(self, table: str, name: str, columns: str, deferrable: str = "") -> None:
        self._build(name, table, columns, unique=True)
        self.together.append(
            f"ALTER TABLE {_quoted(table)} ADD CONSTRAINT {_quoted(name)} "
            f"UNIQUE USING INDEX {_quoted(name)}{deferrable}"
        )

    def _unique(self, found: Match[str]) -> None:
        self._add_unique(found[1], found[2], found[3], found[4])

    def _column(self, found: Match[str]) -> bool | None:
        """A new column whose UNIQUE or CHECK would be proven under the lock: named as
        PostgreSQL would name them, they come after it."""
        table, column, kind, unique, check = found.groups()
        too_long = len(f"{table}_{column}_check") > _LONGEST_NAME
        if too_long or not (unique or check) or " REFERENCES " in kind:
            return False
        self.together.append(f"ALTER TABLE {_quoted(table)} ADD COLUMN {_quoted(column)} {kind}")
        if check:
            self.take(
                f"ALTER TABLE {_quoted(table)} "
                f'ADD CONSTRAINT "{table}_{column}_check" CHECK {check}'
            )
        if unique:
            self._add_unique(table, f"{table}_{column}_key", f"({_quoted(column)})")
        return None

    def _not_null(self, found: Match[str]) -> None:
        table, column = _quoted(found[1]), _quoted(found[2])
        proof = f'"filled_{sha256(found[0].encode()).hexdigest()[:16]}"'
        filling = self.steps[-1] if self.steps and not self.together else None
        self.together.append(
            f"ALTER TABLE {table} ADD CONSTRAINT {proof} CHECK ({column} IS NOT NULL) NOT VALID"
        )
        if isinstance(filling, Fill):  # what was written since the last batch
            self.together.append(filling.statement)
        self.flush()
        self.steps.append(Apart(f"ALTER TABLE {table} VALIDATE CONSTRAINT {proof}"))
        self.together += [found[0], f"ALTER TABLE {table} DROP CONSTRAINT {proof}"]

    def _fill(self, found: Match[str]) -> None:
        self.flush()
        self.steps.append(Fill(found[0]))

    def finish(self) -> list[Step]:
        self.flush()
        text = "\n".join(s for step in self.steps for s in getattr(step, "statements", ()))
        for name, statement in self.to_validate.items():
            if f"DROP CONSTRAINT {name}" not in text:
                self.steps.append(Apart(statement))
        if not self.steps or not isinstance(self.steps[-1], Together):
            self.steps.append(Together(()))
        return self.steps


def cut(statements: list[str]) -> list[Step]:
    """The steps of a migration's ``statements``, in order; the last is a transaction, which
    writes down that it was run."""
    cutter = _Cutter()
    for statement in statements:
        cutter.take(statement)
    return cutter.finish()


def tables_made(statements: list[str]) -> list[str]:
    """The tables that ``statements`` create, by name."""
    found = (_CREATE_TABLE.match(statement.strip()) for statement in statements)
    return [one[1].replace('""', '"') for one in found if one]


def in_batches(statement: str, size: int) -> str:
    """``Fill`` for at most ``size`` rows; a row that moved meanwhile waits for the next batch."""
    found = _FILL.fullmatch(statement)
    if found is None:
        raise ValueError("pas une mise à jour de lignes vides")
    table, column = _quoted(found[1]), _quoted(found[3])
    some = f"SELECT ctid FROM {table} WHERE {column} IS NULL LIMIT {size}"
    return f"{statement} AND ctid = ANY(ARRAY({some}))"
