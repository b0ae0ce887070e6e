"""People on their way from a file onto their records, many at once.

What the shop knows of them is read before, what the file adds is decided in memory, one line
after the other, and written at the end: a dozen statements, however many lines.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any

from django.db.models import F
from django.db.models.functions import Lower
from django.utils import timezone

from apps.audience.reading import Person
from apps.contacts import channels
from apps.contacts.consent import Ledger
from apps.contacts.models import ConsentState, Contact, Source
from apps.contacts.services import by_addresses, tags_named
from apps.core.rows import insert_rows, update_rows
from apps.imports.intake import Line
from apps.imports.models import Fate
from apps.loyalty.importing import MOST_STAMPS, Takeovers
from apps.loyalty.merging import lock_people

_COMPLETED = (
    "first_name",
    "last_name",
    "search",
    "phone",
    "phone_mobile",
    "phone_region",
    "email",
    "birth_date",
    "postal_code",
    "note",
    "last_visit_at",
    "sms_consent",
    "email_consent",
    "ways",
)


@dataclass(slots=True)
class Arrival:
    """One person while lines come in; ``worn`` are names of tags in lower case."""

    contact: Contact
    is_new: bool
    worn: set[str] = field(default_factory=set)
    given: dict[str, str] = field(default_factory=dict)  # new tags, by the same names
    is_changed: bool = False


class Arrivals:
    """A batch of lines and the people they name. ``bring`` each line, then ``write``."""

    def __init__(self, lines: Sequence[Line], people: Sequence[Person]) -> None:
        run, self._now = lines[0].run, lines[0].now
        self._tag = run.options.get("tag", "")
        phones = {person.phone.e164 for person in people if person.phone}
        emails = {person.email for person in people if person.email}
        known = _known(phones, emails)
        self._all = [Arrival(contact, is_new=False) for contact in known]
        self._by_phone = {a.contact.phone: a for a in self._all if a.contact.phone}
        self._by_email = {a.contact.email.lower(): a for a in self._all if a.contact.email}
        _dress(self._all)
        keys, by = [contact.pk for contact in known], lines[0].by
        held = {
            "phone": phones | set(self._by_phone),
            "email": emails | {contact.email for contact in known},
        }
        asked = {name for person in people for name in person.consents}
        addresses = {name: held[channels.named(name).address] for name in asked}
        self._ledger = Ledger(
            addresses, source=Source.IMPORT, by=by, now=self._now, wording=f"import:{run.pk}"
        )
        tokens = [line.token for line, who in zip(lines, people, strict=True) if who.stamps]
        self._takeovers = Takeovers(keys, tokens, by=by, now=self._now)

    def bring(self, line: Line, person: Person) -> tuple[Arrival, Fate, list[str]]:
        """The person's record as the line leaves it, and why something was left aside."""
        reasons: list[str] = []
        arrival = self._holder(person, reasons)
        before = None if arrival is None else arrival.is_changed
        if arrival is None:
            arrival = Arrival(Contact(source=Source.IMPORT, created_at=self._now), is_new=True)
            self._all.append(arrival)
        arrival.is_changed = False
        self._complete(arrival, person, reasons)
        self._dress(arrival, person)
        self._stamp(arrival, line, person, reasons)
        for channel, said in person.consents.items():
            self._agree(arrival, channel, said, reasons)
        fate = Fate.UPDATED if arrival.is_changed else Fate.UNCHANGED
        if before is None:
            fate = Fate.CREATED
        arrival.is_changed = arrival.is_changed or bool(before)
        return arrival, fate, reasons

    def write(self) -> None:
        """All that was brought. A constraint that refuses it raises: somebody was faster."""
        changed = [a for a in self._all if a.is_new or a.is_changed]
        for arrival in changed:
            arrival.contact.note_for_search()
        insert_rows([a.contact for a in changed if a.is_new])
        update_rows([a.contact for a in changed if not a.is_new], *_COMPLETED)
        tags = tags_named(name for a in changed for name in a.given.values())
        worn = Contact.tags.through
        wearing = [worn(contact=a.contact, tag=tags[key]) for a in changed for key in a.given]
        insert_rows(wearing, once=True)
        self._ledger.write()
        self._takeovers.write()

    def _holder(self, person: Person, reasons: list[str]) -> Arrival | None:
        """Who has the line's number, else its e-mail; two people are not mixed."""
        by_phone = self._by_phone.get(person.phone.e164) if person.phone else None
        by_email = self._by_email.get(person.email)
        if by_phone and by_email and by_phone is not by_email:
            reasons.append("email_taken")
        return by_phone or by_email

    def _complete(self, arrival: Arrival, person: Person, reasons: list[str]) -> None:
        """Fill what the record does not know; what it knows stays."""
        contact = arrival.contact
        values: dict[str, Any] = {
            "birth_date": person.birth_date,
            "postal_code": person.postal_code,
            "note": person.note,
            "first_name": person.first_name,
            "last_name": person.last_name,
        }
        if person.last_visit:
            noon = datetime.combine(person.last_visit, time(12))
            values["last_visit_at"] = min(timezone.make_aware(noon), self._now)
        if person.phone and not contact.phone:
            values["phone"] = person.phone.e164
            values["phone_mobile"] = person.phone.mobile
            values["phone_region"] = person.phone.region
            self._by_phone[person.phone.e164] = arrival
        elif person.phone and contact.phone != person.phone.e164:
            reasons.append("phone_kept")
        if person.email and "email_taken" not in reasons:
            if not contact.email:
                values["email"] = person.email
                self._by_email[person.email] = arrival
            elif contact.email.lower() != person.email:
                reasons.append("email_kept")
        for name, value in values.items():
            if value and not getattr(contact, name):
                setattr(contact, name, value)
                arrival.is_changed = True

    def _dress(self, arrival: Arrival, person: Person) -> None:
        for name in [*person.tags, self._tag]:
            if name and name.lower() not in arrival.worn:
                arrival.worn.add(name.lower())
                arrival.given[name.lower()] = name
                arrival.is_changed = True

    def _stamp(self, arrival: Arrival, line: Line, person: Person, reasons: list[str]) -> None:
        if person.stamps < 1:
            return
        if person.stamps > MOST_STAMPS:
            reasons.append("too_many")
        elif self._takeovers.take(arrival.contact, person.stamps, line.token):
            arrival.is_changed = True
        else:
            reasons.append("stamps_kept")

    def _agree(self, arrival: Arrival, channel: str, said: str, reasons: list[str]) -> None:
        """A yes only where nothing was ever said; a stop always."""
        contact = arrival.contact
        current = contact.consent(channel)
        if not contact.address(channel):
            return
        state = ConsentState.GRANTED if said == "yes" else ConsentState.WITHDRAWN
        agreed = {ConsentState.GRANTED, ConsentState.PENDING}
        if state == ConsentState.GRANTED and current in agreed:
            return
        if self._ledger.say(contact, channel, state):
            arrival.is_changed = True
        elif state == ConsentState.GRANTED:
            reasons.append("stopped")


def _known(phones: Iterable[str], emails: Iterable[str]) -> list[Contact]:
    """Who holds one of these addresses, locked as at the counter, as they stand then."""
    held = lock_people(*by_addresses(phones, emails))
    return [contact for contact in held if contact.merged_into_id is None]


def _dress(arrivals: Iterable[Arrival]) -> None:
    """Note the tags that they wear."""
    by_key = {arrival.contact.pk: arrival for arrival in arrivals}
    worn = Contact.tags.through.objects.filter(contact__in=by_key)
    for key, name in worn.values_list("contact", Lower(F("tag__name"))):
        by_key[key].worn.add(name)
