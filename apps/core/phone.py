"""Phone numbers: one person, one E.164 number, however it was typed (french-rules §8)."""

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import PhoneNumberType
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

# `0690…` read as FR is invalid: the overseas regions share the French trunk prefix.
FRENCH_REGIONS = ("FR", "GP", "RE", "GF", "MQ", "YT")
OVERSEAS_PREFIXES = {"590": "GP", "262": "RE", "594": "GF", "596": "MQ"}
_ZONES = {
    "GP": "America/Guadeloupe",
    "MQ": "America/Martinique",
    "GF": "America/Cayenne",
    "RE": "Indian/Reunion",
    "YT": "Indian/Mayotte",
    "BL": "America/St_Barthelemy",
    "MF": "America/Marigot",
    "PM": "America/Miquelon",
}
# Nine digits behind a French code: shown in pairs, and nothing to look up.
_FRENCH = re.compile(rf"\+(?:33|{'|'.join(OVERSEAS_PREFIXES)})(\d{{9}})")
_MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


class NotAPhone(ValueError):
    """The text is no phone number in the shop's region nor overseas."""


@dataclass(frozen=True, slots=True)
class Phone:
    """``e164`` like ``+33612345678``; ``region`` is a territory code; ``mobile`` takes SMS."""

    e164: str
    region: str
    mobile: bool


def parse_phone(text: str, region: str = "FR") -> Phone:
    """Read a number as typed at a counter in ``region``. Raises ``NotAPhone``."""
    regions = [region, *(r for r in FRENCH_REGIONS if r != region)]
    for candidate in regions:
        try:
            number = phonenumbers.parse(text, candidate)
        except phonenumbers.NumberParseException:
            continue
        kind = phonenumbers.number_type(number)  # a number that is valid is of some
        if kind != PhoneNumberType.UNKNOWN:
            place = phonenumbers.region_code_for_number(number) or candidate
            e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return Phone(e164, place, kind in _MOBILE)
    raise NotAPhone(text)


def show_phone(e164: str) -> str:
    """``06 12 34 56 78``, overseas in the same pairs; other countries as they write them."""
    if not e164:
        return ""
    if french := _FRENCH.fullmatch(e164):
        digits = f"0{french[1]}"
        return "\u00a0".join([digits[i : i + 2] for i in range(0, 10, 2)])
    number = phonenumbers.parse(e164)
    shown = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return shown.replace(" ", "\u00a0")


def mask_phone(e164: str) -> str:
    """``06 12 •• •• 84``: enough to recognise, too little to call."""
    pairs = show_phone(e164).split("\u00a0")
    if len(pairs) < 4:
        return "••••"
    return "\u00a0".join([*pairs[:2], *["••"] * (len(pairs) - 3), pairs[-1]])


def phone_region(e164: str) -> str:
    """The territory a number belongs to (``FR``, ``RE``, ``BE``…); FR when nobody knows."""
    if e164.startswith("+33"):  # no other has this code, and most numbers have
        return "FR"
    return phonenumbers.region_code_for_number(phonenumbers.parse(e164)) or "FR"


def region_zone(region: str) -> ZoneInfo:
    """The clock of a French territory."""
    return ZoneInfo(_ZONES.get(region, "Europe/Paris"))


def phone_zone(e164: str) -> ZoneInfo:
    """The local time of the person who holds the number (legal hours are theirs)."""
    region = phone_region(e164)
    if region in {"FR", *_ZONES}:
        return region_zone(region)
    names = time_zones_for_number(phonenumbers.parse(e164))
    return ZoneInfo("Europe/Paris" if names[0] == UNKNOWN_TIMEZONE else names[0])
