"""People of a backup and people here: one e-mail is one person, and no id becomes a stranger's."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db.models.functions import Lower

from apps.accounts.models import User
from apps.core.tenancy import DatabaseWrapper
from apps.ops.keeping.contents import ALIAS

_ISSUED = """
SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {sequence}
"""


def issued(connection: DatabaseWrapper, table: str) -> int:
    """The highest id that the table's sequence has given: no lower one will be given again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table])
        (sequence,) = cursor.fetchone()
        cursor.execute(_ISSUED.format(sequence=sequence))
        return int(cursor.fetchone()[0])


def next_id(connection: DatabaseWrapper, table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [table])
        return int(cursor.fetchone()[0])


@dataclass(slots=True)
class Known:
    """``ids``: the backup's id → the one here; ``moved``: those that differ."""

    ids: dict[int, int] = field(default_factory=dict)
    new: list[dict[str, Any]] = field(default_factory=list)

    @property
    def moved(self) -> dict[int, int]:
        return {there: here for there, here in self.ids.items() if there != here}

    def make(self, now: datetime) -> None:
        """Who is not here yet: the same address, no password, so that only a mail lets them in."""
        for line in self.new:
            user = User(
                pk=self.ids[line["id"]],
                email=line["email"],
                name=line["name"],
                date_joined=datetime.fromisoformat(line["date_joined"]),
                password=make_password(None),
            )
            user.save(using=ALIAS, force_insert=True)
            EmailAddress.objects.using(ALIAS).create(
                user=user, email=user.email, verified=line["verified"], primary=True
            )


def match(connection: DatabaseWrapper, lines: list[dict[str, Any]]) -> Known:
    """Who is who. By e-mail; else who is needed is made, and of who only acted long ago the id
    stays where nobody has it nor ever will, and is turned negative where it would be a stranger's.
    """
    users = User.objects.using(ALIAS)
    emails = [(line["email"] or "").lower() for line in lines]
    found = users.annotate(lower=Lower("email")).filter(lower__in=emails)
    here = dict(found.values_list("lower", "pk"))
    taken = set(users.filter(pk__in=[line["id"] for line in lines]).values_list("pk", flat=True))
    last = issued(connection, "public.accounts_user")
    known = Known()
    for line, email in zip(lines, emails, strict=True):
        there = line["id"]
        free = there <= last and there not in taken
        if email in here:
            known.ids[there] = here[email]
        elif "name" in line:
            known.ids[there] = there if free else next_id(connection, "public.accounts_user")
            known.new.append(line)
        else:
            known.ids[there] = there if free else -there
    return known
