"""What stands on a person's record of a ledger in a room above, and the proof that they agree."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from apps.contacts.models import Contact

BATCH = 500
# The records asked for, each with the person it stands for today.
_RECORDS = """
WITH record AS (
    SELECT id, coalesce(merged_into_id, id) AS person FROM contacts_contact WHERE {which}
)
"""
_THEIRS = "id = ANY(%(people)s) OR merged_into_id = ANY(%(people)s)"


@dataclass(frozen=True, slots=True)
class Sums:
    """``columns`` of a record, summed up from a ledger.

    ``ledger`` (SQL) says ``id`` and the columns of each person, those of whom it knows nothing
    included. It begins with the table ``record`` (``id``, ``person``): all records of the people
    asked for.
    """

    columns: tuple[str, ...]
    ledger: str

    def keep(self, contacts: Collection[int]) -> None:
        """Bring these people in step, in the transaction of what changed their ledger.

        Two statements: the second must see what was written by whoever held the record before.
        """
        people = set(contacts)
        if not people:
            return
        while (found := _locked(people)) != people:
            people = found
        named = ", ".join(f"{name} = told.{name}" for name in self.columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE contacts_contact AS kept SET {named} "
                f"FROM {self._told(_THEIRS)} WHERE {self._differs}",
                {"people": list(people)},
            )

    def astray(self) -> list[int]:
        """Whose record does not say what their ledger says."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT kept.id FROM contacts_contact AS kept, {self._told('true')} "
                f"WHERE {self._differs} ORDER BY 1"
            )
            return [pk for (pk,) in cursor.fetchall()]

    def mend(self, contacts: Sequence[int]) -> None:
        """Bring them in step some at a time: a counter that is open waits for none of it long."""
        for start in range(0, len(contacts), BATCH):
            with transaction.atomic():
                self.keep(contacts[start : start + BATCH])

    def _told(self, which: str) -> str:
        return f"({_RECORDS.format(which=which)} {self.ledger}) AS told"

    @property
    def _differs(self) -> str:
        kept = ", ".join(f"kept.{name}" for name in self.columns)
        told = ", ".join(f"told.{name}" for name in self.columns)
        return f"told.id = kept.id AND ({kept}) IS DISTINCT FROM ({told})"


def _locked(contacts: Collection[int]) -> set[int]:
    """The people whose records these are, locked in the order of their keys."""
    held = Contact.objects.select_for_update(no_key=True).filter(pk__in=contacts).order_by("pk")
    return {into or pk for pk, into in held.values_list("pk", "merged_into_id")}
