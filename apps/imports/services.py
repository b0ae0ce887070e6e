"""Bringing a file in: exactly once each line, whatever dies on the way.

A batch of lines, its fates and the run's progress are one transaction under the run's row lock:
a worker that is killed leaves whole batches, and the next one continues behind them. What a
line means is its ``Intake``'s matter.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BufferedReader
from itertools import islice
from typing import Any, BinaryIO, cast

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import DataError, IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.core.actor import Actor
from apps.core.jobs import enqueue
from apps.core.refusal import Refusal
from apps.core.rows import insert_rows
from apps.core.tokens import new_token
from apps.imports.intake import Brought, Intake, Line, intakes
from apps.imports.models import Fate, ImportLine, ImportRun, ImportState
from apps.imports.reading import EmptyFile, Layout, data_records, guess_layout, records
from apps.shops.models import Shop

TASK = "apps.imports.tasks.continue_import"


class AlreadyStarted(Refusal):
    message = _("Cet import est déjà parti.")


def intake_of(run: ImportRun) -> Intake:
    return intakes()[run.kind]


def layout_of(run: ImportRun) -> Layout:
    return Layout(run.encoding, run.separator, run.header)


@contextmanager
def _opened(run: ImportRun) -> Iterator[BinaryIO]:
    with default_storage.open(run.file) as file:
        yield cast(BinaryIO, file.file)


def upload(shop: Shop, file: File, *, kind: str = "people", by: Actor, now: datetime) -> ImportRun:
    """Keep the file, guess how it reads, and count its lines. Raises ``NotACsv``, ``EmptyFile``."""
    stream = cast(BufferedReader, file.file)
    intake = intakes()[kind]
    layout = guess_layout(stream, intake.tells, intake.names_a_column)
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
        kind=kind,
        file=kept,
        file_name=(file.name or "")[-80:],
        digest=digest,
        encoding=layout.encoding,
        separator=layout.separator,
        header=layout.header,
        mapping=_guess(intake, names, sample, shop),
        total=total,
        actor_id=by.id,
        created_at=now,
        touched_at=now,
    )
    record(by, "import.uploaded", "import", run.pk, after={"lines": total})
    return run


def _guess(
    intake: Intake, header: list[str], sample: list[list[str]], shop: Shop
) -> dict[str, int]:
    found = intake.guess_mapping(header, sample, shop.region)
    known = intake.columns(shop)
    return {name: column for name, column in found.items() if name in known}


def change_layout(run: ImportRun, layout: Layout, shop: Shop) -> None:
    """Read the draft another way, its columns guessed anew. Raises ``NotACsv``, ``EmptyFile``."""
    with _opened(run) as stream:
        header = next(records(stream, layout.encoding, layout.separator), [])
        sample = list(islice(data_records(stream, layout), 30))
        total = sum(1 for _record in data_records(stream, layout))
    if not total:
        raise EmptyFile()
    run.encoding, run.separator, run.header = layout.encoding, layout.separator, layout.header
    run.total = total
    names = header if layout.header else []
    run.mapping = _guess(intake_of(run), names, sample, shop)
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
    run: ImportRun, *, mapping: dict[str, int], options: dict[str, Any], by: Actor, now: datetime
) -> None:
    """Let a worker begin. Raises ``ColumnMissing``, ``AlreadyStarted``, and what the kind asks."""
    kept = intake_of(run).settle(mapping, options)
    waiting = ImportRun.objects.filter(pk=run.pk, state=ImportState.DRAFT)
    if not waiting.update(state=ImportState.RUNNING, mapping=mapping, options=kept, touched_at=now):
        raise AlreadyStarted()
    after = {"mapped": sorted(mapping), **kept}
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
Fated = tuple[Line, Brought]


@transaction.atomic
def _batch(run_id: int, shop: Shop, lines: Lines, ahead: int) -> tuple[int, bool]:
    """The next lines behind ``run.done``; ``ahead`` is where ``lines`` stands."""
    run = ImportRun.objects.select_for_update().get(pk=run_id)
    if run.state != ImportState.RUNNING:
        return ahead, True
    intake, now = intake_of(run), timezone.now()
    records = list(islice(lines, run.done - ahead, run.done - ahead + intake.batch))
    batch = [line_of(run, shop, index, cells, now) for index, cells in records]
    insert_rows([_fate(line, brought) for line, brought in _brought(intake, batch)])
    run.done += len(batch)
    run.touched_at = now
    run.save(update_fields=["done", "touched_at"])
    return run.done, len(batch) < intake.batch


def _brought(intake: Intake, lines: list[Line], *, again: bool = False) -> Iterator[Fated]:
    """Each line with what became of it. What the database refuses is halved until the culprit
    stands alone, and is tried twice: somebody at the counter may have been faster."""
    try:
        with transaction.atomic():
            brought = intake.bring(lines) if lines else []
    except (DataError, IntegrityError):
        if again:
            yield lines[0], Brought(Fate.REFUSED, reasons=["data"])
            return
        middle = len(lines) // 2
        if middle:
            yield from _brought(intake, lines[:middle])
            yield from _brought(intake, lines[middle:])
        else:
            yield from _brought(intake, lines, again=True)
    else:
        yield from zip(lines, brought, strict=True)


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


def _fate(line: Line, brought: Brought) -> ImportLine:
    return ImportLine(
        run=line.run,
        number=line.number,
        fate=brought.fate,
        reasons=",".join(dict.fromkeys(brought.reasons))[:120],
        subject_id=brought.subject_id,
    )


def line_of(run: ImportRun, shop: Shop, index: int, cells: list[str], now: datetime) -> Line:
    """``index`` counts the data from nought; a line's number is what a spreadsheet shows."""
    return Line(run, shop, index + (2 if run.header else 1), cells, now)
