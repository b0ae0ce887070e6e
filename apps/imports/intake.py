"""What one kind of file means: its columns, what a line says, and what it becomes.

A room above keeps one instance for each kind that it takes in; ``config/intakes.py`` names them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from typing import Any, ClassVar
from uuid import NAMESPACE_URL, UUID, uuid5

from django import forms
from django.conf import settings
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from apps.core.actor import Actor
from apps.core.french import search_key
from apps.core.refusal import Refusal
from apps.imports.cells import read_email, read_phone_cell
from apps.imports.models import Fate, ImportRun
from apps.shops.models import Shop

Words = str | Promise


class ColumnMissing(Refusal):
    status = 422


@dataclass(frozen=True, slots=True)
class Line:
    """One line on its way in."""

    run: ImportRun
    shop: Shop
    number: int
    cells: list[str]
    now: datetime

    def said(self, name: str) -> str:
        """The cell of a field; empty where the file has none."""
        return cell_of(self.cells, self.run.mapping, name)

    @property
    def by(self) -> Actor:
        return Actor("team", self.run.actor_id)

    @property
    def token(self) -> UUID:
        """The same line of the same file is the same gesture, in whatever run."""
        return line_token(self.run.digest, self.number)


def line_token(digest: str, number: int) -> UUID:
    return uuid5(NAMESPACE_URL, f"comptoir:import:{digest}:{number}")


def cell_of(cells: list[str], mapping: Mapping[str, int], name: str) -> str:
    column = mapping.get(name)
    return cells[column] if column is not None and column < len(cells) else ""


@dataclass(slots=True)
class Brought:
    """What became of a line; ``reasons`` are codes of the intake's own."""

    fate: Fate
    subject_id: int | None = None
    reasons: list[str] = field(default_factory=list)


class Intake(ABC):
    """One kind of file. The texts are the owner's, in French."""

    kind: ClassVar[str]
    batch: ClassVar[int] = 500  # lines of one transaction
    slug: ClassVar[str]  # in the address
    section: ClassVar[str]  # of the menu
    home: ClassVar[tuple[str, str]]  # the list they end in: URL name, words
    page: ClassVar[str]  # URL name of one line's subject
    title: ClassVar[str]
    intro: ClassVar[str]
    rules: ClassVar[Sequence[str]]
    again: ClassVar[str]  # what the same file a second time does
    clean_end: ClassVar[str]  # said when no line is left to look at
    preview: ClassVar[str]  # the template of what was read, with ``rows``
    options_page: ClassVar[str] = ""
    fields: ClassVar[Mapping[str, Words]]
    names: ClassVar[Mapping[str, str]]  # field → what headers call it, as ``search_key`` leaves it
    reasons: ClassVar[Mapping[str, Words]]
    needs: ClassVar[Sequence[frozenset[str]]]  # one field of each set must be mapped
    missing: ClassVar[Words]

    def columns(self, shop: Shop) -> Mapping[str, Words]:
        """What a column of ``shop``'s file may be."""
        return self.fields

    @cached_property
    def _by_name(self) -> dict[str, str]:
        return {name: key for key, names in self.names.items() for name in names.split("|")}

    def name_of_column(self, header: str) -> str:
        """The field that a header names, or an empty string."""
        return self._by_name.get(search_key(header), "")

    def names_a_column(self, cell: str) -> bool:
        return bool(self.name_of_column(cell))

    def tells(self, cell: str) -> bool:
        """Whether a cell means something here: how a separator is told from a comma in a text."""
        if self.name_of_column(cell) or read_email(cell):
            return True
        return not set(cell) - set("0123456789+-.() ") and bool(read_phone_cell(cell, "FR"))

    def looks(self, region: str) -> Iterable[tuple[str, Callable[[str], bool]]]:
        """Fields that are known by what their cells look like."""
        return ()

    def guess_mapping(
        self, header: list[str], sample: list[list[str]], region: str
    ) -> dict[str, int]:
        """Field → column: by the header's names, else by what the cells look like."""
        mapping: dict[str, int] = {}
        for column, name in enumerate(header):
            found = self.name_of_column(name)
            if found and found not in mapping:
                mapping[found] = column
        width = max((len(record) for record in sample), default=0)
        for field_name, looks in self.looks(region):
            if field_name in mapping:
                continue
            for column in range(width):
                cells = [r[column] for r in sample if len(r) > column and r[column]]
                fits = sum(looks(cell) for cell in cells)
                if column not in mapping.values() and cells and fits * 2 > len(cells):
                    mapping[field_name] = column
                    break
        return mapping

    def options(self) -> dict[str, forms.Field]:
        """What is asked for all lines at once."""
        return {}

    def settle(self, mapping: Mapping[str, int], options: dict[str, Any]) -> dict[str, Any]:
        """The options to keep, or a ``Refusal``: may this import start?"""
        if not all(wanted & set(mapping) for wanted in self.needs):
            raise ColumnMissing(self.missing)
        return options

    @abstractmethod
    def read(self, line: Line) -> Any:
        """What a line says, for the preview: something with ``doubts``, codes of reasons."""

    @abstractmethod
    def bring(self, lines: Sequence[Line]) -> list[Brought]:
        """Put a batch where it belongs, inside a savepoint: what became of each line.

        A database error leaves nothing of it, and its parts are brought again apart.
        """

    def told(self, reasons: Iterable[str]) -> list[str]:
        codes = {**COMMON, **self.reasons}
        return [str(codes[code]) for code in reasons if code in codes]


COMMON: dict[str, Words] = {"data": _("ligne illisible")}


@cache
def intakes() -> dict[str, Intake]:
    """By kind."""
    found = (import_string(path) for path in import_string(settings.INTAKES))
    return {intake.kind: intake for intake in found}
