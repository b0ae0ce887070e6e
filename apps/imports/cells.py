"""What a cell of a spreadsheet says: numbers, days, addresses and amounts, however spoiled."""

import re
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone

from apps.core.phone import NotAPhone, Phone, parse_phone

_FORMULA = re.compile(r'^=\s*"(.*)"$', re.DOTALL)
_SCIENTIFIC = re.compile(r"^([0-9])[.,]([0-9]+)E\+?([0-9]{1,2})$", re.IGNORECASE)
MOST_CENTS = 100_000_000  # a million euros: more is a column of something else


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


def read_units(cell: str) -> int | None:
    """A whole number with its sign: ``-2``, ``12,0``."""
    negative = cell.startswith(("-", "−"))
    count = read_count(cell.lstrip("-−"))
    return None if count is None else -count if negative else count


def read_amount(cell: str) -> int | None:
    """Cents: ``12,50``, ``1 284,50 €``, ``1.284,50``, ``12.5``, ``-4,00``; None for any other."""
    text = re.sub(r"[\s€]|EUR(OS?)?$", "", cell, flags=re.IGNORECASE).replace("−", "-")
    decimals = max(text.rfind(","), text.rfind("."))
    if {",", "."} <= set(text):  # the last one is the decimal sign, the other one groups
        grouping = "." if text[decimals] == "," else ","
        text = text.replace(grouping, "")
    text = text.replace(",", ".")
    try:
        cents = Decimal(text) * 100
    except InvalidOperation:
        return None
    if not cents.is_finite() or cents != cents.to_integral_value() or abs(cents) > MOST_CENTS:
        return None
    return int(cents)


_CLOCK = re.compile(r"[ T]([0-9]{1,2})[:h]([0-9]{2})?")


def read_moment(cell: str, now: datetime) -> datetime | None:
    """A day and its hour (noon when there is none) by the shop's clock, not after ``now``."""
    day = read_day(cell, timezone.localdate(now))
    if day is None:
        return None
    hour, minute = 12, 0
    if found := _CLOCK.search(cell):
        hour, minute = int(found[1]), int(found[2] or 0)
    if hour > 23 or minute > 59:
        return None
    return min(timezone.make_aware(datetime.combine(day, time(hour, minute))), now)
