"""Opening hours as a shopkeeper writes them: « Mardi à samedi : 10 h – 12 h 30, 15 h – 19 h 30 ».

Read or not at all: one line that is not understood, and nothing is said of any hour.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from apps.core.french import search_key

A_DAY = 24 * 60
Span = tuple[int, int]  # minutes since midnight; the end may lie in the next day

_NAMES = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_DAY = rf"(?:{'|'.join(f'{name[:3]}(?:{name[3:]}s?)?' for name in _NAMES)})\.?"
_DAYS = re.compile(rf"(?:du |le |les )?({_DAY})(?: ?(?:-|au?|jusqu.?au?) ?({_DAY}))?")
_ALL_DAYS = re.compile(r"tous les jours|7 ?j?ours? ?(?:/|sur) ?7|7 ?j ?/ ?7|7/7")
_TIME = r"(?:(?:[01]?\d|2[0-4]) ?[h:] ?(?:[0-5]\d)?|midi|minuit)"
_SPAN = re.compile(rf"(?:de )?({_TIME}) ?(?:-|a) ?({_TIME})")
_BETWEEN = re.compile(r" ?(?:,|/|&|;|\bet\b|\bpuis\b)? ?(?:et )?")
_SHUT = re.compile(r"ferme(?:e|ture)?s?")


@dataclass(frozen=True, slots=True)
class Week:
    """What is open on each day, Monday first."""

    days: tuple[tuple[Span, ...], ...]

    def is_open(self, local: datetime, slack: timedelta = timedelta()) -> bool:
        """Whether the shop is open at this hour of its own clock, or as good as, by ``slack``."""
        at, spare = local.hour * 60 + local.minute, slack.total_seconds() / 60
        today = local.weekday()
        near = ((today - 1, -A_DAY), (today, 0), ((today + 1) % 7, A_DAY))
        return any(
            start + shift - spare <= at <= end + shift + spare
            for day, shift in near
            for start, end in self.days[day]
        )


@lru_cache(maxsize=4096)
def read_hours(text: str) -> Week | None:
    """The week that ``text`` says; None when there is none, or when any of it is unclear."""
    days: list[list[Span]] = [[] for _ in range(7)]
    lines = [line for line in map(_plain, text.splitlines()) if line]
    for line in lines:
        told = _line(line)
        if told is None:
            return None
        which, spans = told
        for day in which:
            days[day] += spans
    if not any(days):
        return None
    return Week(tuple(tuple(sorted(spans)) for spans in days))


def _plain(line: str) -> str:
    """Without accents and capitals, one kind of dash and of space; signs stay."""
    kept = re.sub(r"[^\W\d_]+", lambda word: search_key(word[0]), line)
    kept = re.sub(r"[–—−‐‑]", "-", re.sub(r"[\s\u00a0\u202f]+", " ", kept))
    return kept.strip(" .,;")


def _line(line: str) -> tuple[list[int], list[Span]] | None:
    """The days of a line and what is open on them."""
    line = _ALL_DAYS.sub("lundi-dimanche", line)
    starts = re.search(rf"(?:de )?{_TIME}|{_SHUT.pattern}", line)
    if starts is None:
        return None
    which = _listed(line[: starts.start()].rstrip(" :,-"), _DAYS)
    spans = _listed(line[starts.start() :], _SPAN)
    if _SHUT.fullmatch(line[starts.start() :].strip()):
        spans = []
    if not which or spans is None:
        return None
    return [day for found in which for day in _from_to(*found)], [_span(*one) for one in spans]


def _listed(text: str, item: re.Pattern[str]) -> list[tuple[str, str]] | None:
    """Both groups of each ``item`` of a list that is nothing else."""
    found, place = list[tuple[str, str]](), 0
    while place < len(text):
        if found:
            between = _BETWEEN.match(text, place)
            place = between.end() if between else place
        match = item.match(text, place)
        if match is None:
            return None
        found.append((match[1], match[2] or ""))
        place = match.end()
    return found


def _from_to(first: str, last: str) -> list[int]:
    since = _day(first)
    until = _day(last) if last else since
    return [(since + step) % 7 for step in range((until - since) % 7 + 1)]


def _day(word: str) -> int:
    return next(place for place, name in enumerate(_NAMES) if word[:3] == name[:3])


def _span(start: str, end: str) -> Span:
    opens, closes = _minutes(start), _minutes(end)
    return opens, closes if closes > opens else closes + A_DAY


def _minutes(word: str) -> int:
    if not word[0].isdigit():
        return 12 * 60 if word == "midi" else A_DAY
    hour, _sign, minutes = re.split(r" ?([h:]) ?", word)
    return int(hour) * 60 + int(minutes or 0)
