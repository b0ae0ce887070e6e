"""Tables as a spreadsheet opens them: CSV, written piece by piece."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

BATCH = 500


@dataclass(frozen=True, slots=True)
class Style:
    """How a CSV is written: ``french`` opens in a French Excel by a double click."""

    separator: str
    encoding: str
    french: bool


STYLES = {
    "excel": Style(";", "utf-8-sig", french=True),
    "standard": Style(",", "utf-8", french=False),
}


def csv_pieces(
    columns: Iterable[Any], rows: Iterable[Iterable[Any]], style: Style
) -> Iterator[bytes]:
    """The table as CSV, a batch of rows at a time."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=style.separator, lineterminator="\r\n")
    writer.writerow(columns)
    first = True
    for n, row in enumerate(rows, start=1):
        writer.writerow([cell(value, style) for value in row])
        if n % BATCH == 0:
            yield _encoded(text, style, first)
            first = False
    yield _encoded(text, style, first)


def _encoded(text: io.StringIO, style: Style, first: bool) -> bytes:
    piece = text.getvalue()
    text.seek(0)
    text.truncate()
    return piece.encode(style.encoding if first else "utf-8")  # the BOM stands once


def cell(value: Any, style: Style) -> str:
    """A value as a person reads it in a spreadsheet; text that would run as a formula does not."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        local = timezone.localtime(value)
        return local.strftime("%d/%m/%Y %H:%M" if style.french else "%Y-%m-%dT%H:%M:%S%z")
    if isinstance(value, date):
        return value.strftime("%d/%m/%Y" if style.french else "%Y-%m-%d")
    if isinstance(value, Decimal):
        shown = f"{value:.2f}"
        return shown.replace(".", ",") if style.french else shown
    if isinstance(value, int):
        return str(value)
    return guarded(str(value))


def guarded(text: str) -> str:
    """Spreadsheets run what begins with ``= + - @`` or a control: an apostrophe stops that."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text
