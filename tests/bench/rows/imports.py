"""A file of 100,000 people brought in, and once more; beside reading the same lines alone."""

import time
from collections.abc import Callable, Iterator

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from apps.audience.importing import PEOPLE
from apps.core.actor import Actor
from apps.core.tenancy import in_schema
from apps.imports.models import ImportRun, ImportState
from apps.imports.services import counts, line_of, look, start, upload
from apps.imports.tasks import continue_import
from tests.bench.big import Big, big_shop
from tests.bench.ground import Ground
from tests.bench.report import Row

LINES, SECONDS, MOST = 100_000, 60, 8
OWNER = Actor("team", 1)
HEADER = (
    "Prénom;Nom;Téléphone;E-mail;Date de naissance;Code postal;Étiquettes;Tampons;"
    "Dernière visite;Accord SMS;Accord e-mail\n"
)
FIRST = ("Camille", "Thomas", "Hélène", "Marc", "Loïc", "Zoé", "Inès")
LAST = ("Martin", "Petit", "Durand", "Leroy", "Moreau")


def measure(ground: Ground) -> Iterator[Row]:
    place = big_shop(ground, "grande-reprise", people=100, visits=100)
    text = (HEADER + "".join(_line(n) for n in range(LINES))).encode()
    with in_schema(place.shop.schema_name), timezone.override(place.shop.zone):
        for name in ("new people", "the same file again"):
            run = _draft(place, text)
            _wall, reading = _spent(ground, lambda run=run: _read(place, run))
            wall, ours = _spent(ground, lambda run=run: _bring(run))
            ratio, fates = ours / reading, {k: n for k, n in counts(run).items() if n}
            value = f"{wall:.0f} s, {ours / LINES * 1e6:.0f} µs of CPU a line, {ratio:.1f} ×"
            yield Row(
                f"{LINES:,} lines of {name}",
                f"≤ {SECONDS} s, CPU ≤ {MOST} × reading them",
                value,
                wall <= SECONDS and ratio <= MOST,
                {"fates": fates},
            )


def _line(n: int) -> str:
    """Numbers as people write them, two addresses in three, every other one with stamps."""
    digits = f"{70_000_000 + n:08d}"
    spaced = f"06 {digits[:2]} {digits[2:4]} {digits[4:6]} {digits[6:]}"
    cells = (
        FIRST[n % 7],
        LAST[n % 5],
        spaced if n % 3 else f"+336{digits}",
        f"client{n}@exemple.fr" if n % 3 != 1 else "",
        f"{1 + n % 28:02d}/{1 + n % 12:02d}/{1950 + n % 50}" if n % 2 else "",
        str(21_000 + n % 900),
        ("", "Bourgogne", "Bulles, Rosé", "")[n % 4],
        str(n % 23) if n % 2 else "",
        f"{1 + n % 28:02d}/{1 + n % 9:02d}/2025" if n % 3 else "",
        "oui" if n % 3 else "",
        "oui" if n % 4 == 0 else "",
    )
    return ";".join(cells) + "\n"


def _draft(place: Big, text: bytes) -> ImportRun:
    file = SimpleUploadedFile("clients.csv", text)
    return upload(place.shop, file, by=OWNER, now=timezone.now())


def _read(place: Big, run: ImportRun) -> None:
    now = timezone.now()
    for n, cells in enumerate(look(run, LINES)[1]):
        PEOPLE.read(line_of(run, place.shop, n, cells, now))


def _bring(run: ImportRun) -> None:
    """As a worker does, slice after slice."""
    options = {"tag": "ancien programme", "consent_origin": "paper"}
    start(run, mapping=run.mapping, options=options, by=OWNER, now=timezone.now())
    run.refresh_from_db()
    while run.state != ImportState.DONE:
        continue_import(run.pk)
        run.refresh_from_db()


def _spent(ground: Ground, work: Callable[[], None]) -> tuple[float, float]:
    """Seconds, and seconds of CPU of this process and the database."""
    began, before = time.monotonic(), time.process_time() + ground.database_cpu()
    work()
    return time.monotonic() - began, time.process_time() + ground.database_cpu() - before
