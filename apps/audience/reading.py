"""Reading a CSV as French software and Excel write it: all of it guessed, little refused.

Encoding (UTF-8 with or without BOM, UTF-16 with BOM, Windows-1252), separator, header and what
each column means are guesses that the mapping step shows and lets correct.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from apps.core.french import search_key
from apps.core.phone import NotAPhone, Phone, parse_phone
from apps.core.refusal import Refusal

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


# --- the file ----------------------------------------------------------------------------


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


def guess_layout(file: BinaryIO) -> Layout:
    """Raises ``NotACsv`` or ``EmptyFile``."""
    encoding = guess_encoding(file)
    best, most = ";", (-1, 0.0, 0)
    for separator in SEPARATORS:
        try:
            sample = list(islice(records(file, encoding, separator), _SAMPLE))
        except NotACsv:
            continue
        if not sample:
            raise EmptyFile()
        score = _fit(sample)
        if score > most:
            best, most = separator, score
    first = next(records(file, encoding, best), None)
    if first is None:
        raise EmptyFile()
    return Layout(encoding, best, header=looks_like_header(first))


def _fit(sample: list[list[str]]) -> tuple[int, float, int]:
    """How well a separator suits: cells that mean something, even lines, many columns.

    The count of columns alone would cut « Dupont;12, rue Haute, Dijon » at its commas.
    """
    widths = [len(record) for record in sample]
    common = max(set(widths), key=widths.count)
    if common == 1:
        return 0, 0.0, 1
    told = sum(_tells(cell) for record in sample for cell in record)
    return told, widths.count(common) / len(widths), common


def _tells(cell: str) -> bool:
    if name_of_column(cell) or read_email(cell):
        return True
    return not set(cell) - set("0123456789+-.() ") and bool(read_phone_cell(cell, "FR"))


def looks_like_header(cells: list[str]) -> bool:
    """A first line that names columns holds no address, number or date."""
    if any(name_of_column(cell) for cell in cells):
        return not any("@" in cell for cell in cells)
    return not any("@" in cell or any(c.isdigit() for c in cell) for cell in cells)


def data_records(file: BinaryIO, layout: Layout) -> Iterator[list[str]]:
    """The records below the header."""
    found = records(file, layout.encoding, layout.separator)
    if layout.header:
        next(found, None)
    return found


# --- what the columns mean ---------------------------------------------------------------

FIELDS = {
    "phone": _("Téléphone"),
    "email": _("E-mail"),
    "first_name": _("Prénom"),
    "last_name": _("Nom"),
    "full_name": _("Prénom et nom"),
    "birth_date": _("Date de naissance"),
    "postal_code": _("Code postal"),
    "tags": _("Étiquettes"),
    "note": "Note",  # Django’s own catalogue says « Remarque »
    "stamps": _("Tampons"),
    "last_visit": _("Dernière visite"),
    "sms_consent": _("Accord SMS"),
    "email_consent": _("Accord e-mail"),
}

_NAMES = {
    "phone": "telephone|tel|portable|mobile|gsm|numero|numero de telephone|numero telephone|"
    "tel portable|tel mobile|telephone portable|telephone mobile|no tel|n tel|num tel|phone|"
    "phone number|cell|cellphone|mobile phone",
    "email": "email|e mail|mail|courriel|adresse mail|adresse email|adresse e mail|email address",
    "first_name": "prenom|first name|firstname|given name|prenom client",
    "last_name": "nom|nom de famille|last name|lastname|surname|family name|nom client",
    "full_name": "nom complet|nom et prenom|nom prenom|prenom nom|prenom et nom|full name|name|"
    "client name|customer|customer name",
    "birth_date": "date de naissance|naissance|anniversaire|date naissance|ne le|birthday|"
    "birth date|birthdate|date of birth|dob",
    "postal_code": "code postal|cp|postal code|zip|zip code|zipcode|postcode",
    "tags": "etiquettes|etiquette|tags|tag|groupe|groupes|segment|segments|categorie|categories|"
    "label|labels",
    "note": "note|notes|commentaire|commentaires|remarque|remarques|comment|comments",
    "stamps": "tampons|tampon|points|passages|solde|solde points|nombre de tampons|nb tampons|"
    "nb passages|stamps|balance|points balance|loyalty points|points fidelite|visites",
    "last_visit": "derniere visite|dernier passage|dernier achat|date derniere visite|last visit|"
    "last purchase|last seen",
    "sms_consent": "accord sms|optin sms|opt in sms|sms|consentement sms|accepte sms|sms opt in|"
    "sms consent|sms marketing",
    "email_consent": "accord e mail|accord email|optin email|opt in email|optin mail|newsletter|"
    "consentement email|accepte email|accepte mail|email opt in|email consent|email marketing|"
    "accepts marketing|optin|opt in",
}
_BY_NAME = {name: key for key, names in _NAMES.items() for name in names.split("|")}


def name_of_column(header: str) -> str:
    """The field that a header names, or an empty string."""
    return _BY_NAME.get(search_key(header), "")


def guess_mapping(header: list[str], sample: list[list[str]], region: str) -> dict[str, int]:
    """Field → column: by the header's names, else by what the cells look like."""
    mapping: dict[str, int] = {}
    for column, name in enumerate(header):
        found = name_of_column(name)
        if found and found not in mapping:
            mapping[found] = column
    width = max((len(record) for record in sample), default=0)
    for field_name, looks in (("phone", _is_phone), ("email", _is_email)):
        if field_name in mapping:
            continue
        for column in range(width):
            cells = [r[column] for r in sample if len(r) > column and r[column]]
            fits = sum(looks(cell, region) for cell in cells)
            if column not in mapping.values() and cells and fits * 2 > len(cells):
                mapping[field_name] = column
                break
    return mapping


def _is_phone(cell: str, region: str) -> bool:
    return read_phone_cell(cell, region) is not None


def _is_email(cell: str, region: str) -> bool:
    return bool(read_email(cell))


# --- the cells ---------------------------------------------------------------------------

_FORMULA = re.compile(r'^=\s*"(.*)"$', re.DOTALL)
_SCIENTIFIC = re.compile(r"^([0-9])[.,]([0-9]+)E\+?([0-9]{1,2})$", re.IGNORECASE)


def clean(cell: str) -> str:
    """Without Excel's ways of keeping text text: ``="06…"``, ``=06…``, ``'06…``."""
    text = cell.replace("\u00a0", " ").replace("\u202f", " ").replace("\x00", "").strip()
    if found := _FORMULA.match(text):
        text = found.group(1).strip()
    elif text.startswith("=") and text[1:2].isdigit():
        text = text[1:].strip()
    if text[:1] == "'" and text[1:2] in set("=+-@0123456789"):
        text = text[1:]
    return text


def read_phone_cell(cell: str, region: str) -> Phone | None:
    """A number, also one whose 0 or + a spreadsheet ate (``612345678``, ``6,12345678E+08``)."""
    text = re.sub(r"^([0-9]{9,})[.,]0+$", r"\1", cell)
    if found := _SCIENTIFIC.match(text):
        whole, decimals, power = found.groups()
        if len(decimals) > int(power):
            return None
        text = (whole + decimals).ljust(int(power) + 1, "0")
        if len(decimals) < int(power) - 2:  # digits were rounded away: which, nobody knows
            return None
    digits = "".join(c for c in text if c.isdigit())
    tries = [text]
    if len(digits) == 9 and digits[0] != "0":
        tries.append(f"0{digits}")
    if len(digits) > 9 and not text.startswith("+") and not digits.startswith("0"):
        tries.append(f"+{digits}")
    for attempt in tries if digits else []:
        try:
            return parse_phone(attempt, region)
        except NotAPhone:
            continue
    return None


def read_email(cell: str) -> str:
    """Lower case, or empty when it is none."""
    text = cell.strip(" <>;,").removeprefix("mailto:").lower()
    try:
        validate_email(text)
    except ValidationError:
        return ""
    return text if len(text) <= 254 else ""


_DAYS = ("%d/%m/%Y", "%Y-%m-%d", "%d-%m-%Y", "%d.%m.%Y", "%d/%m/%y", "%Y/%m/%d", "%d %m %Y")


def read_day(cell: str, today: date) -> date | None:
    """``JJ/MM/AAAA`` and its like, a time after it ignored; two-digit years are in the past."""
    text = re.split(r"[ T](?=[0-9]{1,2}[:h])", cell)[0]
    for form in _DAYS:
        try:
            day = datetime.strptime(text, form).date()  # a day has no zone
        except ValueError:
            continue
        if day > today and form.endswith("%y"):
            day = day.replace(year=day.year - 100)
        return day if date(1900, 1, 1) <= day <= today else None
    return None


def read_count(cell: str) -> int | None:
    """A whole number of stamps: ``7``, ``7,0``, ``1 200``; None for any other."""
    text = cell.replace(" ", "").replace(",", ".")
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or not 0 <= number < 1_000_000 or number != int(number):
        return None
    return int(number)


# « opt in » is read as « optin ».
_YES = {"oui", "o", "yes", "y", "1", "true", "vrai", "x", "ok", "accepte", "accepted"}
_YES |= {"optin", "subscribed", "abonne", "inscrit"}
_STOP = {"stop", "desabonne", "desinscrit", "unsubscribed", "optout", "retire", "refuse"}


def read_consent(cell: str) -> str:
    """``yes``, ``stop`` for a refusal said as one, else empty: « non » means never asked."""
    key = search_key(cell).replace("opt ", "opt")
    return "yes" if key in _YES else "stop" if key in _STOP else ""


# --- a line ------------------------------------------------------------------------------


@dataclass(slots=True)
class Person:
    """One line as it was read. ``doubts`` are codes for what could not be read."""

    phone: Phone | None = None
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    birth_date: date | None = None
    postal_code: str = ""
    tags: list[str] = field(default_factory=list)
    note: str = ""
    stamps: int = 0
    last_visit: date | None = None
    sms_consent: str = ""
    email_consent: str = ""
    doubts: list[str] = field(default_factory=list)


def read_person(cells: list[str], mapping: dict[str, int], region: str, today: date) -> Person:
    """A line through the mapping; never raises, says its doubts instead."""

    def said(name: str) -> str:
        column = mapping.get(name)
        return cells[column] if column is not None and column < len(cells) else ""

    person = Person(
        first_name=said("first_name")[:60],
        last_name=said("last_name")[:60],
        note=said("note")[:1000],
        sms_consent=read_consent(said("sms_consent")),
        email_consent=read_consent(said("email_consent")),
        tags=_tags(said("tags")),
    )
    if not person.first_name and not person.last_name and said("full_name"):
        first, _space, last = said("full_name").partition(" ")
        person.first_name, person.last_name = first[:60], last.strip()[:60]
    if said("phone"):
        person.phone = read_phone_cell(said("phone"), region)
        person.doubts += [] if person.phone else ["phone"]
    if said("email"):
        person.email = read_email(said("email"))
        person.doubts += [] if person.email else ["email"]
    for name in ("birth_date", "last_visit"):
        if said(name):
            day = read_day(said(name), today)
            setattr(person, name, day)
            person.doubts += [] if day else [name]
    if code := said("postal_code").replace(" ", ""):
        code = code.zfill(5) if code.isascii() and code.isdigit() and len(code) == 4 else code
        good = len(code) == 5 and code.isascii() and code.isdigit()
        person.postal_code = code if good else ""
        person.doubts += [] if good else ["postal_code"]
    if said("stamps"):
        count = read_count(said("stamps"))
        person.stamps = count or 0
        person.doubts += [] if count is not None else ["stamps"]
    return person


def _tags(cell: str) -> list[str]:
    names = (" ".join(name.split())[:30] for name in re.split(r"[,;|]", cell))
    return list(dict.fromkeys(name for name in names if name))[:10]
