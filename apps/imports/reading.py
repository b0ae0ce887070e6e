"""Reading a CSV as French software and Excel write it: all of it guessed, little refused.

Encoding (UTF-8 with or without BOM, UTF-16 with BOM, Windows-1252), separator and header are
guesses that the mapping step shows and lets correct. What the columns mean: ``intake``.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from django.utils.translation import gettext_lazy as _

from apps.core.refusal import Refusal
from apps.imports.cells import clean

Tells = Callable[[str], bool]

MOST_COLUMNS = 100
LONGEST_CELL = 100_000
SEPARATORS = ";,\t|"
_SAMPLE = 30


class NotACsv(Refusal):
    message = _("Ce fichier n’est pas un CSV lisible. Dans Excel : Fichier, Enregistrer sous, CSV.")
    status = 422


class EmptyFile(Refusal):
    message = _("Ce fichier ne contient aucune ligne.")
    status = 422


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read a file. ``encoding`` is a Python codec name."""

    encoding: str
    separator: str
    header: bool


def guess_encoding(file: BinaryIO) -> str:
    """Reads the whole file once, in pieces. Raises ``NotACsv`` for what is no text."""
    file.seek(0)
    head = file.read(4)
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise NotACsv()
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    guess = "utf-8"
    while piece := file.read(1 << 16):
        if b"\x00" in piece:
            raise NotACsv()
        if guess == "utf-8":
            try:
                decoder.decode(piece)
            except UnicodeDecodeError:
                guess = "cp1252"
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        guess = "cp1252"
    return guess


def records(file: BinaryIO, encoding: str, separator: str) -> Iterator[list[str]]:
    """The file's records without blank ones, cells cleaned. Raises ``NotACsv``."""
    file.seek(0)
    # Windows-1252 leaves five bytes undefined; they are shown as « ? » and nothing is lost.
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
    csv.field_size_limit(LONGEST_CELL)
    try:
        for record in csv.reader(text, delimiter=separator):
            cells = [clean(cell) for cell in record[:MOST_COLUMNS]]
            if any(cells):
                yield cells
    except csv.Error as error:
        raise NotACsv() from error
    finally:
        if not file.closed:
            text.detach()  # the caller closes its file


def guess_layout(file: BinaryIO, tells: Tells, names: Tells) -> Layout:
    """``tells`` knows a cell that means something here, ``names`` one that names a column.

    Raises ``NotACsv`` or ``EmptyFile``."""
    encoding = guess_encoding(file)
    best, most = ";", (-1, 0.0, 0)
    for separator in SEPARATORS:
        try:
            sample = list(islice(records(file, encoding, separator), _SAMPLE))
        except NotACsv:
            continue
        if not sample:
            raise EmptyFile()
        score = _fit(sample, tells)
        if score > most:
            best, most = separator, score
    first = next(records(file, encoding, best), None)
    if first is None:
        raise EmptyFile()
    return Layout(encoding, best, header=looks_like_header(first, names))


def _fit(sample: list[list[str]], tells: Tells) -> tuple[int, float, int]:
    """How well a separator suits: cells that mean something, even lines, many columns.

    The count of columns alone would cut « Dupont;12, rue Haute, Dijon » at its commas.
    """
    widths = [len(record) for record in sample]
    common = max(set(widths), key=widths.count)
    if common == 1:
        return 0, 0.0, 1
    told = sum(tells(cell) for record in sample for cell in record)
    return told, widths.count(common) / len(widths), common


def looks_like_header(cells: list[str], names: Tells) -> bool:
    """A first line that names columns holds no address, number or date."""
    if any(names(cell) for cell in cells):
        return not any("@" in cell for cell in cells)
    return not any("@" in cell or any(c.isdigit() for c in cell) for cell in cells)


def data_records(file: BinaryIO, layout: Layout) -> Iterator[list[str]]:
    """The records below the header."""
    found = records(file, layout.encoding, layout.separator)
    if layout.header:
        next(found, None)
    return found
