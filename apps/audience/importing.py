"""Bringing a file of people in: exactly once each line, whatever dies on the way.

A batch of lines, its fates and the run's progress are one transaction under the run's row lock:
a worker that is killed leaves whole batches, and the next one continues behind them. A known
person is completed, never overwritten; a stop is never undone and a consent's proof never
rewritten (french-rules §1).
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from io import BufferedReader
from itertools import islice
from typing import Any, BinaryIO, cast
from uuid import NAMESPACE_URL, UUID, uuid5

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import DataError, IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audience.models import ConsentOrigin, Fate, ImportLine, ImportRun, ImportState
from apps.audience.reading import (
    EmptyFile,
    Layout,
    Person,
    data_records,
    guess_layout,
    guess_mapping,
    read_person,
    records,
)
from apps.audit.services import record
from apps.contacts.consent import write_consent
from apps.contacts.models import Channel, ConsentState, Contact, Source
from apps.contacts.services import add_contact, by_address, tag_named
from apps.core.actor import Actor
from apps.core.jobs import enqueue
from apps.core.refusal import Refusal
from apps.core.tokens import new_token
from apps.loyalty.importing import MOST_STAMPS, import_stamps
from apps.loyalty.services import card_of
from apps.shops.models import Shop

BATCH = 50
TASK = "apps.audience.tasks.continue_import"


class NothingMapped(Refusal):
    message = _("Dites quelle colonne contient le téléphone ou l’e-mail.")
    status = 422


class OriginMissing(Refusal):
    message = _("Dites d’où viennent ces accords : sans preuve, laissez la colonne de côté.")
    status = 422


class AlreadyStarted(Refusal):
    message = _("Cet import est déjà parti.")


# Why a line was refused, or what of it was left aside.
REASONS = {
    "address": _("ni téléphone ni e-mail lisible"),
    "data": _("ligne illisible"),
    "phone": _("téléphone illisible, laissé de côté"),
    "email": _("e-mail illisible, laissé de côté"),
    "birth_date": _("date de naissance illisible, laissée de côté"),
    "last_visit": _("dernière visite illisible, laissée de côté"),
    "postal_code": _("code postal illisible, laissé de côté"),
    "stamps": _("nombre de tampons illisible, laissé de côté"),
    "too_many": _("plus de %(most)s tampons, laissés de côté") % {"most": MOST_STAMPS},
    "stamps_kept": _("tampons déjà repris sur cette carte"),
    "phone_taken": _("ce téléphone est celui d’une autre fiche"),
    "email_taken": _("cet e-mail est celui d’une autre fiche"),
    "phone_kept": _("la fiche a déjà un autre téléphone, gardé"),
    "email_kept": _("la fiche a déjà un autre e-mail, gardé"),
    "stopped": _("a dit stop : accord non repris"),
}


def layout_of(run: ImportRun) -> Layout:
    return Layout(run.encoding, run.separator, run.header)


@contextmanager
def _opened(run: ImportRun) -> Iterator[BinaryIO]:
    with default_storage.open(run.file) as file:
        yield cast(BinaryIO, file.file)


def upload(shop: Shop, file: File, *, by: Actor, now: datetime) -> ImportRun:
    """Keep the file, guess how it reads, and count its lines. Raises ``NotACsv``, ``EmptyFile``."""
    stream = cast(BufferedReader, file.file)
    layout = guess_layout(stream)
    header = next(records(stream, layout.encoding, layout.separator))
    sample = list(islice(data_records(stream, layout), 30))
    total = sum(1 for _record in data_records(stream, layout))
    if not total:
        raise EmptyFile()
    stream.seek(0)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    stream.seek(0)
    kept = default_storage.save(f"{shop.schema_name}/imports/{new_token()}.csv", File(stream))
    names = header if layout.header else []
    run = ImportRun.objects.create(
        file=kept,
        file_name=(file.name or "")[-80:],
        digest=digest,
        encoding=layout.encoding,
        separator=layout.separator,
        header=layout.header,
        mapping=guess_mapping(names, sample, shop.region),
        total=total,
        actor_id=by.id,
        created_at=now,
        touched_at=now,
    )
    record(by, "import.uploaded", "import", run.pk, after={"lines": total})
    return run


def change_layout(run: ImportRun, layout: Layout, region: str) -> None:
    """Read the draft another way, its columns guessed anew. Raises ``NotACsv``, ``EmptyFile``."""
    with _opened(run) as stream:
        header = next(records(stream, layout.encoding, layout.separator), [])
        sample = list(islice(data_records(stream, layout), 30))
        total = sum(1 for _record in data_records(stream, layout))
    if not total:
        raise EmptyFile()
    run.encoding, run.separator, run.header = layout.encoding, layout.separator, layout.header
    run.total = total
    run.mapping = guess_mapping(header if layout.header else [], sample, region)
    run.save(update_fields=["encoding", "separator", "header", "total", "mapping"])


def look(run: ImportRun, lines: int = 5) -> tuple[list[str], list[list[str]]]:
    """The header (or column numbers) and the first lines, raw, while the file is there."""
    with _opened(run) as stream:
        first = next(records(stream, run.encoding, run.separator), [])
        sample = list(islice(data_records(stream, layout_of(run)), lines))
    width = max(len(row) for row in [first, *sample])
    names = first if run.header else []
    header = [names[n] if n < len(names) and names[n] else f"Colonne {n + 1}" for n in range(width)]
    return header, sample


@transaction.atomic
def start(
    run: ImportRun,
    *,
    mapping: dict[str, int],
    tag: str,
    consent_origin: str,
    by: Actor,
    now: datetime,
) -> None:
    """Let a worker begin. Raises ``NothingMapped``, ``OriginMissing``, ``AlreadyStarted``."""
    if not {"phone", "email"} & set(mapping):
        raise NothingMapped()
    consents = {"sms_consent", "email_consent"} & set(mapping)
    if consents and consent_origin not in ConsentOrigin.values:
        raise OriginMissing()
    waiting = ImportRun.objects.filter(pk=run.pk, state=ImportState.DRAFT)
    moved = waiting.update(
        state=ImportState.RUNNING,
        mapping=mapping,
        tag=tag,
        consent_origin=consent_origin if consents else "",
        touched_at=now,
    )
    if not moved:
        raise AlreadyStarted()
    after = {"mapped": sorted(mapping), "consent_origin": consent_origin if consents else ""}
    record(by, "import.started", "import", run.pk, after=after)
    enqueue(TASK, run.pk)


@transaction.atomic
def drop(run: ImportRun, *, by: Actor) -> None:
    """Forget a draft and its file. Raises ``AlreadyStarted``."""
    draft = ImportRun.objects.filter(pk=run.pk, state=ImportState.DRAFT)
    if not draft.update(state=ImportState.DROPPED, file="", finished_at=timezone.now()):
        raise AlreadyStarted()
    record(by, "import.dropped", "import", run.pk)
    transaction.on_commit(lambda: default_storage.delete(run.file))


def go_on(run_id: int, shop: Shop, until: datetime) -> bool:
    """Bring in batches until ``until``; True when the run has ended. Safe to run twice at once."""
    run = ImportRun.objects.get(pk=run_id)
    if run.state != ImportState.RUNNING:
        return True
    with _opened(run) as stream:
        lines = enumerate(data_records(stream, layout_of(run)))
        ahead = 0
        while timezone.now() < until:
            ahead, ended = _batch(run_id, shop, lines, ahead)
            if ended:
                break
        else:
            return False
    _finish(run_id)
    return True


Lines = Iterator[tuple[int, list[str]]]


@transaction.atomic
def _batch(run_id: int, shop: Shop, lines: Lines, ahead: int) -> tuple[int, bool]:
    """The next lines behind ``run.done``; ``ahead`` is where ``lines`` stands."""
    run = ImportRun.objects.select_for_update().get(pk=run_id)
    if run.state != ImportState.RUNNING:
        return ahead, True
    batch = list(islice(lines, run.done - ahead, run.done - ahead + BATCH))
    now = timezone.now()
    fates = [_line(run, shop, index, cells, now) for index, cells in batch]
    ImportLine.objects.bulk_create(fates)
    run.done += len(batch)
    run.touched_at = now
    run.save(update_fields=["done", "touched_at"])
    return run.done, len(batch) < BATCH


@transaction.atomic
def _finish(run_id: int) -> None:
    run = ImportRun.objects.select_for_update().get(pk=run_id)
    if run.state != ImportState.RUNNING:
        return
    gone, run.file = run.file, ""
    run.state, run.finished_at = ImportState.DONE, timezone.now()
    run.save(update_fields=["state", "finished_at", "file"])
    record(Actor("team", run.actor_id), "import.done", "import", run.pk, after=counts(run))
    transaction.on_commit(lambda: default_storage.delete(gone))


def counts(run: ImportRun) -> dict[str, int]:
    """How many lines had each fate."""
    found = {fate: 0 for fate in Fate.values}
    for row in run.lines.values("fate").annotate(n=Count("pk")):
        found[row["fate"]] = row["n"]
    return found


def _line(run: ImportRun, shop: Shop, index: int, cells: list[str], now: datetime) -> ImportLine:
    number = index + (2 if run.header else 1)
    person = read_person(cells, run.mapping, shop.region, timezone.localdate(now))
    if not person.phone and not person.email:
        return ImportLine(run=run, number=number, fate=Fate.REFUSED, reasons="address")
    try:
        with transaction.atomic():
            bringing = _Bringing(run, person, number, now)
            fate = bringing.bring()
    except (DataError, IntegrityError):
        return ImportLine(run=run, number=number, fate=Fate.REFUSED, reasons="data")
    reasons = ",".join(dict.fromkeys([*person.doubts, *bringing.reasons]))[:120]
    contact = bringing.contact
    return ImportLine(run=run, number=number, fate=fate, reasons=reasons, contact=contact)


class _Bringing:
    """One line on its way onto one person's record."""

    contact: Contact

    def __init__(self, run: ImportRun, person: Person, number: int, now: datetime) -> None:
        self.run, self.person, self.number, self.now = run, person, number, now
        self.by = Actor("team", run.actor_id)
        self.reasons: list[str] = []
        self.changed = False

    def bring(self) -> Fate:
        person = self.person
        email = person.email
        if person.phone and email and self._two_people():
            email = ""
        found = add_contact(
            phone=person.phone,
            email=email,
            first_name=person.first_name,
            last_name=person.last_name,
            source=Source.IMPORT,
            birth_date=person.birth_date,
            postal_code=person.postal_code,
            now=self.now,
        )
        self.contact = Contact.objects.select_for_update().get(pk=found.contact.pk)
        self._complete()
        self._tag()
        self._stamp()
        for channel in Channel:
            self._agree(channel)
        if found.created:
            return Fate.CREATED
        return Fate.UPDATED if self.changed else Fate.UNCHANGED

    def _two_people(self) -> bool:
        assert self.person.phone
        by_phone = by_address(phone=self.person.phone.e164)
        by_email = by_address(email=self.person.email)
        if by_phone and by_email and by_phone.pk != by_email.pk:
            self.reasons.append("email_taken")
            return True
        return False

    def _complete(self) -> None:
        """Fill what the record does not know; what it knows stays."""
        person, contact = self.person, self.contact
        values: dict[str, Any] = {
            "birth_date": person.birth_date,
            "postal_code": person.postal_code,
            "note": person.note,
            "first_name": person.first_name,
            "last_name": person.last_name,
        }
        if person.last_visit:
            noon = datetime.combine(person.last_visit, time(12))
            values["last_visit_at"] = min(timezone.make_aware(noon), self.now)
        if person.phone and not contact.phone:
            values["phone"] = person.phone.e164
            values["phone_mobile"] = person.phone.mobile
            values["phone_region"] = person.phone.region
        elif person.phone and contact.phone != person.phone.e164:
            self.reasons.append("phone_kept")
        taken = "email_taken" in self.reasons
        if person.email and not contact.email and not taken:
            values["email"] = person.email
        elif person.email and contact.email.lower() != person.email and not taken:
            self.reasons.append("email_kept")
        fields = [name for name, value in values.items() if value and not getattr(contact, name)]
        for name in fields:
            setattr(contact, name, values[name])
        if fields:
            contact.save(update_fields=[*fields, "search"])
            self.changed = True

    def _tag(self) -> None:
        worn = {tag.name.lower() for tag in self.contact.tags.all()}
        for name in [*self.person.tags, self.run.tag]:
            if name and name.lower() not in worn:
                self.contact.tags.add(tag_named(name))
                worn.add(name.lower())
                self.changed = True

    def _stamp(self) -> None:
        stamps = self.person.stamps
        if stamps < 1:
            return
        if stamps > MOST_STAMPS:
            self.reasons.append("too_many")
            return
        token = stamp_token(self.run.digest, self.number)
        card = card_of(self.contact)
        if import_stamps(card, stamps, token=token, by=self.by, now=self.now):
            self.changed = True
        else:
            self.reasons.append("stamps_kept")

    def _agree(self, channel: Channel) -> None:
        """A yes only where nothing was ever said; a stop always."""
        said = self.person.sms_consent if channel == Channel.SMS else self.person.email_consent
        current = self.contact.consent(channel)
        if not said or not self.contact.address(channel):
            return
        state = ConsentState.GRANTED if said == "yes" else ConsentState.WITHDRAWN
        if state == ConsentState.GRANTED and current in {
            ConsentState.GRANTED,
            ConsentState.PENDING,
        }:
            return
        if write_consent(
            self.contact,
            channel,
            state,
            source=Source.IMPORT,
            by=self.by,
            now=self.now,
            wording=f"import:{self.run.pk}",
        ):
            self.changed = True
        elif state == ConsentState.GRANTED:
            self.reasons.append("stopped")


def stamp_token(digest: str, number: int) -> UUID:
    """The same line of the same file is the same movement, in whatever run."""
    return uuid5(NAMESPACE_URL, f"comptoir:import:{digest}:{number}")
