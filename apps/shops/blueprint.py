"""The template schema, read from the catalogue as DDL that can be replayed for a new shop.

Replaying 30 tables in one transaction takes a third of a second; running the migrations in
a web request takes eight to eighty (ground.md). Names are written unqualified: the caller
sets ``search_path`` to the schema that is being made.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

_TABLES = """
SELECT c.oid, c.relname, array_to_string(c.reloptions, ', ')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind = 'r' ORDER BY c.relname
"""
# Each of these reads all the tables at once, by their numbers: with a thousand shops in the
# catalogue, what no index serves costs a walk over all of them.
_COLUMNS = """
SELECT a.attrelid, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.attidentity, pg_get_expr(d.adbin, d.adrelid),
       CASE WHEN a.attcollation <> t.typcollation THEN quote_ident(co.collname) END
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation co ON co.oid = a.attcollation
WHERE a.attrelid = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
# A NOT NULL is a column property here; PostgreSQL 18 lists it as a constraint ('n') too.
_CONSTRAINTS = """
SELECT conrelid, quote_ident(conname), pg_get_constraintdef(oid), contype FROM pg_constraint
WHERE conrelid = ANY(%s) AND contype IN ('p', 'u', 'c', 'x', 'f') ORDER BY contype = 'f', conname
"""
# pg_constraint has an index by its table and none by its index.
_INDEXES = """
SELECT i.indrelid, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = ANY(%s)
  AND NOT EXISTS (
    SELECT 1 FROM pg_constraint k
    WHERE k.conrelid = i.indrelid AND k.conindid = i.indexrelid AND k.contype <> 'f')
ORDER BY c.relname
"""
_GRANTS = """
SELECT c.oid, g.privilege_type, quote_ident(r.rolname)
FROM pg_class c, aclexplode(c.relacl) g JOIN pg_roles r ON r.oid = g.grantee
WHERE c.oid = ANY(%s) AND g.grantee <> c.relowner ORDER BY 3, 2
"""
_SCHEMA_GRANTS = """
SELECT g.privilege_type, quote_ident(r.rolname)
FROM pg_namespace n, aclexplode(n.nspacl) g JOIN pg_roles r ON r.oid = g.grantee
WHERE n.nspname = %s AND g.grantee <> n.nspowner ORDER BY 2, 1
"""


@dataclass(frozen=True)
class Blueprint:
    """``statements`` make the tables; ``grants`` name the schema as ``{schema}``."""

    statements: tuple[str, ...]
    grants: tuple[str, ...]

    def script(self, quoted_schema: str) -> str:
        """One multi-statement script for a schema that does not exist yet."""
        head = [f"CREATE SCHEMA {quoted_schema}", f"SET LOCAL search_path = {quoted_schema}"]
        return ";\n".join([*head, *self.statements, *self.granted(quoted_schema)])

    def begin(self, quoted_schema: str) -> str:
        """The schema with its tables bare, to be filled; ``bindings`` and ``granted`` follow."""
        head = [f"CREATE SCHEMA {quoted_schema}", f"SET LOCAL search_path = {quoted_schema}"]
        return ";\n".join([*head, *(s for s in self.statements if _is_bare(s))])

    @property
    def bindings(self) -> list[str]:
        """Constraints, indexes and, last, foreign keys, for the ``search_path`` of ``begin``."""
        return [s for s in self.statements if not _is_bare(s)]

    def granted(self, quoted_schema: str) -> list[str]:
        return [grant.replace("{schema}", quoted_schema) for grant in self.grants]


def _is_bare(statement: str) -> bool:
    """Whether it must stand before the first row is written."""
    return statement.startswith("CREATE TABLE") or " SET (" in statement


def read_blueprint(connection: BaseDatabaseWrapper, schema: str) -> Blueprint:
    """Read ``schema`` as it stands. Two schemas are identical when their blueprints are."""
    makes: list[str] = []
    foreign: list[str] = []
    # With the schema alone in the path, the catalogue prints its names unqualified.
    connection.set_schema(schema, include_public=False)  # type: ignore[attr-defined]
    try:
        with connection.cursor() as cursor:
            cursor.execute(_SCHEMA_GRANTS, [schema])
            grants = [f"GRANT {what} ON SCHEMA {{schema}} TO {who}" for what, who in cursor]
            cursor.execute(_TABLES, [schema])
            quote = connection.ops.quote_name
            tables = [(oid, quote(name), options) for oid, name, options in cursor.fetchall()]
            oids = [oid for oid, *_ in tables]
            columns, constraints, indexes, granted = (
                _by_table(cursor, query, oids)
                for query in (_COLUMNS, _CONSTRAINTS, _INDEXES, _GRANTS)
            )
    finally:
        connection.set_schema_to_public()  # type: ignore[attr-defined]
    for oid, quoted, options in tables:
        written = ", ".join(_column(column) for column in columns[oid])
        makes.append(f"CREATE TABLE {quoted} ({written})")
        if options:
            makes.append(f"ALTER TABLE {quoted} SET ({options})")
        for constraint, definition, kind in constraints[oid]:
            line = f"ALTER TABLE {quoted} ADD CONSTRAINT {constraint} {definition}"
            (foreign if kind == "f" else makes).append(line)
        makes += [_unqualified(definition, schema) for (definition,) in indexes[oid]]
        grants += [f"GRANT {what} ON {quoted} TO {who}" for what, who in granted[oid]]
    return Blueprint((*makes, *foreign), tuple(grants))


def _by_table(cursor: Any, query: str, oids: list[int]) -> defaultdict[int, list[tuple[Any, ...]]]:
    """The rows of ``query`` by the table's number that each begins with, in their order."""
    cursor.execute(query, [oids])
    found: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for table, *row in cursor.fetchall():
        found[table].append(tuple(row))
    return found


def _column(column: tuple[Any, ...]) -> str:
    name, kind, not_null, identity, default, collation = column
    words = [name, kind]
    if collation:
        words.append(f"COLLATE {collation}")
    if identity:
        always = "ALWAYS" if identity == "a" else "BY DEFAULT"
        words.append(f"GENERATED {always} AS IDENTITY")
    elif default:
        words.append(f"DEFAULT {default}")
    if not_null:
        words.append("NOT NULL")
    return " ".join(words)


def _unqualified(definition: str, schema: str) -> str:
    # pg_get_indexdef always qualifies the table, whatever the search_path.
    return definition.replace(f" ON {schema}.", " ON ", 1)
