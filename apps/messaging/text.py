"""What an SMS weighs: alphabet, units, segments, and how to make it lighter (french-rules §1).

One character outside GSM-7 turns the whole text into UCS-2 and cuts a segment from 160 to 70.
"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import repeat

from django.utils.translation import gettext as _

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # an escape and a character: two units
GSM7, UCS2 = "GSM-7", "UCS-2"
_GSM7 = _BASIC | _EXTENDED
_ROOM = {GSM7: (160, 153), UCS2: (70, 67)}  # alone, in a part

# What the operator's own STOP mention takes at the end of a commercial SMS.
STOP_RESERVE = 14

_INSTEAD = {
    **dict.fromkeys("«»“”„″", '"'),
    **dict.fromkeys("’‘ʼ′´`", "'"),
    **dict.fromkeys("–—−‑‐•·", "-"),
    **dict.fromkeys("\u00a0\u202f\u2009\u2007\u2002\u2003\t", " "),
    "œ": "oe",
    "Œ": "OE",
    "×": "x",
    "°": " deg",
    "→": "->",
    "←": "<-",
    "ø": "o",
    "⁄": "/",
    **dict.fromkeys("😀😁😃😄😆😊🙂☺😇🤗", ":)"),
    **dict.fromkeys("😋😛😜🤪", ":P"),
    **dict.fromkeys("😢😔🙁☹", ":("),
    **dict.fromkeys("❤♥💕💖💗💙💚💛💜🧡🤍🖤😍🥰😘", "<3"),
    **dict.fromkeys("✅☑✔👍👌🆗", "OK"),
    **dict.fromkeys("⭐🌟★☆✨", "*"),
    **dict.fromkeys("❗❕", "!"),
    **dict.fromkeys("❓❔", "?"),
    **dict.fromkeys("❌✖✕", "x"),
    **dict.fromkeys("➡👉▶", "->"),
    **dict.fromkeys("⬅👈◀", "<-"),
    "😉": ";)",
    "➕": "+",
    "➖": "-",
}
# What only says how the emoji before it is drawn: never told alone beside it.
_COMPANIONS = frozenset("\u200d\ufe0e\ufe0f\u20e3🏻🏼🏽🏾🏿")
_NAMES = {
    "\u00a0": "espace insécable",
    "\u202f": "espace fine insécable",
    "\u2009": "espace fine",
    "\t": "tabulation",
}


@dataclass(frozen=True, slots=True)
class Costly:
    """A character that forces UCS-2; ``instead`` is what ``lighten`` puts, empty when dropped."""

    character: str
    name: str
    instead: str
    times: int

    @property
    def offer(self) -> str:
        """« 2 × ’ → ' », « 🍷 retiré »: what lightening makes of it."""
        many = f"{self.times} × {self.name}" if self.times > 1 else self.name
        if self.instead == self.character:
            return many
        if not self.instead:
            return f"{many} retiré{'s' if self.times > 1 else ''}"
        return f"{many} → {'espace simple' if self.instead == ' ' else self.instead}"


@dataclass(frozen=True, slots=True)
class Count:
    """``units`` are what the network counts (``€`` is two in GSM-7), the reserve included."""

    encoding: str
    units: int
    segments: int
    left: int  # units still free in the last segment
    costly: tuple[Costly, ...]

    @property
    def lightens(self) -> bool:
        """Whether each costly character has a lighter equivalent."""
        return bool(self.costly) and all(one.instead != one.character for one in self.costly)


def _is_gsm7(text: str) -> bool:
    return _GSM7.issuperset(text)


def _widths(text: str, encoding: str) -> list[int]:
    if encoding == GSM7:
        return [2 if c in _EXTENDED else 1 for c in text]
    return [2 if ord(c) > 0xFFFF else 1 for c in text]


def _pack(widths: list[int], room: int) -> tuple[int, int]:
    """Segments and units used in the last one; a two-unit character is never cut in half."""
    segments, used = 1, 0
    for width in widths:
        if used + width > room:
            segments, used = segments + 1, 0
        used += width
    return segments, used


def count(text: str, reserve: int = STOP_RESERVE) -> Count:
    """What ``text`` costs with ``reserve`` characters kept free at its end."""
    encoding = GSM7 if _is_gsm7(text) else UCS2
    widths = [*_widths(text, encoding), *repeat(1, reserve)]
    units = sum(widths)
    alone, part = _ROOM[encoding]
    room = alone if units <= alone else part
    segments, used = _pack(widths, room)
    return Count(encoding, units, segments if units else 0, room - used, costly(text))


def costly(text: str) -> tuple[Costly, ...]:
    """The characters of ``text`` that force UCS-2, each once, in order of appearance."""
    outside = Counter(c for c in text if c not in _BASIC and c not in _EXTENDED)
    told = [c for c in outside if c not in _COMPANIONS] or outside
    return tuple(Costly(c, _(_NAMES[c]) if c in _NAMES else c, _light(c), outside[c]) for c in told)


@cache
def _light(character: str) -> str:
    """The GSM-7 stand-in; nothing for a symbol that has none, itself for such a letter."""
    if character in _BASIC or character in _EXTENDED:
        return character
    if character in _INSTEAD:
        return _INSTEAD[character]
    plain = "".join(
        _INSTEAD.get(c, c)
        for c in unicodedata.normalize("NFKD", character)
        if not unicodedata.combining(c)
    )
    if _is_gsm7(plain):
        return plain
    return character if unicodedata.category(character)[0] in "LN" else ""


def lighten(text: str) -> str:
    """``text`` with GSM-7 equivalents, keeping « à è é ù ì ò Ç É »; itself when none helps."""
    if _is_gsm7(text):
        return text
    composed = unicodedata.normalize("NFC", text)
    quoted = re.sub(r"«\s*|\s*»", '"', composed)
    numbered = re.sub(r"\b([nN])°", r"\1o", quoted)
    # Nothing else gives a NUL: a sign that goes takes a space along.
    gone = "".join(_light(c) or "\0" for c in numbered)
    light = re.sub("(?m)^\0+ ?| \0+(?= |$)|\0", "", gone)
    if not _is_gsm7(light) or count(light, 0).segments > count(text, 0).segments:
        return text
    return light
