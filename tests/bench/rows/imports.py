"""100,000 lines of people brought in, once more, of what they bought, and of articles on sale;
beside reading them."""

import time
from collections.abc import Callable, Iterator

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from apps.core.actor import Actor
from apps.core.tenancy import in_schema
from apps.imports.models import ImportRun, ImportState
from apps.imports.services import counts, intake_of, line_of, look, start, upload
from apps.imports.tasks import continue_import
from tests.bench.big import Big, big_shop
from tests.bench.ground import Ground
from tests.bench.report import Row

LINES, SECONDS, MOST = 100_000, 60, 8
READ = 10_000  # of them are read for comparison
OWNER = Actor("team", 1)
HEADER = (
    "Prénom;Nom;Téléphone;E-mail;Date de naissance;Code postal;Étiquettes;Tampons;"
    "Dernière visite;Accord SMS;Accord e-mail\n"
)
SOLD = "Date;N° ticket;Article;Qté;Montant TTC;Téléphone\n"
GOODS = "Produit;Famille;Format;Prix TTC;Réf;Stock;Région;Couleur;Millésime\n"
OPTIONS = {"people": {"tag": "ancien programme", "consent_origin": "paper"}}
FIRST = ("Camille", "Thomas", "Hélène", "Marc", "Loïc", "Zoé", "Inès")
LAST = ("Martin", "Petit", "Durand", "Leroy", "Moreau")


def measure(ground: Ground) -> Iterator[Row]:
    place = big_shop(ground, "grande-reprise", people=100, visits=100)
    people, sold, goods = (
        (header + "".join(map(line, range(LINES)))).encode()
        for header, line in ((HEADER, _person), (SOLD, _article), (GOODS, _format))
    )
    told = (
        ("new people", "people", people),
        ("the same people again", "people", people),
        ("articles on tickets", "purchases", sold),
        ("articles on sale", "products", goods),
    )
    with in_schema(place.shop.schema_name), timezone.override(place.shop.zone):
        for name, kind, text in told:
            run = _draft(place, kind, text)
            _wall, reading = _spent(ground, lambda run=run: _read(place, run))
            wall, ours = _spent(ground, lambda run=run: _bring(run))
            ratio = ours / LINES / (reading / READ)
            fates = {k: n for k, n in counts(run).items() if n}
            value = f"{wall:.0f} s, {ours / LINES * 1e6:.0f} µs of CPU a line, {ratio:.1f} ×"
            yield Row(
                f"{LINES:,} lines of {name}",
                f"≤ {SECONDS} s, CPU ≤ {MOST} × reading them",
                value,
                wall <= SECONDS and ratio <= MOST,
                {"fates": fates},
            )


def _person(n: int) -> str:
    """Numbers as people write them, two addresses in three, every other one with stamps."""
    spaced = _number(n)
    cells = (
        FIRST[n % 7],
        LAST[n % 5],
        spaced if n % 3 else f"+33{spaced[1:].replace(' ', '')}",
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


def _number(n: int) -> str:
    digits = f"{70_000_000 + n:08d}"
    return f"06 {digits[:2]} {digits[2:4]} {digits[4:6]} {digits[6:]}"


def _article(n: int) -> str:
    """Two of a ticket, of forty articles, for one person in three of those who came in."""
    ticket = n // 2
    day = f"{1 + ticket % 28:02d}/{1 + ticket % 9:02d}/2025 {9 + ticket % 10}:00"
    whose = _number(ticket * 3 % LINES)
    return f"{day};T-{ticket};Article {n % 40};{1 + n % 3};{n % 90},50;{whose}\n"


def _format(n: int) -> str:
    """Two of a wine."""
    wine, size = n // 2, ("75 cl", "Magnum")[n % 2]
    told = ("Bourgogne;Rouge;2022", "Loire;Blanc;")[wine % 2]
    return f"Cuvée {wine};Vin;{size};{5 + n % 90},50;R-{n};{n % 40};{told}\n"


def _draft(place: Big, kind: str, text: bytes) -> ImportRun:
    file = SimpleUploadedFile(f"{kind}.csv", text)
    return upload(place.shop, file, kind=kind, by=OWNER, now=timezone.now())


def _read(place: Big, run: ImportRun) -> None:
    now = timezone.now()
    for n, cells in enumerate(look(run, READ)[1]):
        intake_of(run).read(line_of(run, place.shop, n, cells, now))


def _bring(run: ImportRun) -> None:
    """As a worker does, slice after slice."""
    start(run, mapping=run.mapping, options=OPTIONS.get(run.kind, {}), by=OWNER, now=timezone.now())
    run.refresh_from_db()
    while run.state != ImportState.DONE:
        continue_import(run.pk)
        run.refresh_from_db()


def _spent(ground: Ground, work: Callable[[], None]) -> tuple[float, float]:
    """Seconds, and seconds of CPU of this process and the database."""
    began, before = time.monotonic(), time.process_time() + ground.database_cpu()
    work()
    return time.monotonic() - began, time.process_time() + ground.database_cpu() - before
