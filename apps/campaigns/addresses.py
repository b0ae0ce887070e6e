"""Addresses that the shop types in a text lead through its own host, so that a click is counted.

Only what begins as an address of the web does, and holds no variable: a number to call and a
mailbox stay as they are. The key follows from the address alone: what the composer counts and
shows is as long as what leaves.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import md5
from urllib.parse import urlsplit

from apps.campaigns.models import Address
from apps.core.tokens import short
from apps.messaging.letter import OPENS_NOTHING

SIGNS = 6
_TYPED = re.compile(r"(?<![\w@/.:=-])(?:https?://|www\.)[^\s<>{}«»\"“”]++(?!\{)", re.IGNORECASE)
_AFTER = ".,;:!?…)’'"  # what ends a sentence, and no address


def key_of(url: str) -> str:
    """Six signs; two addresses of one shop have the same once in two billion."""
    drawn = int(md5(url.encode(), usedforsecurity=False).hexdigest(), 16)
    return short(drawn % 36**SIGNS).rjust(SIGNS, "0")


def whole(typed: str) -> str:
    """What a browser opens for it."""
    return typed if "://" in typed else f"https://{typed}"


@lru_cache(maxsize=256)
def through(text: str, door: str, host: str) -> str:
    """``text`` with each address behind the shop's ``host``; whose it is, is put in afterwards."""

    def led(match: re.Match[str]) -> str:
        typed = match[0].rstrip(_AFTER)
        link = f"{host}/{door}/{key_of(whole(typed))}/{OPENS_NOTHING}/"
        return (link if _leads(typed) else typed) + match[0][len(typed) :]

    return _TYPED.sub(led, text)


def _leads(typed: str) -> bool:
    """Whether a browser would find a host in it."""
    try:
        return "." in (urlsplit(whole(typed)).hostname or "")
    except ValueError:
        return False


def typed_in(texts: Iterable[str]) -> dict[str, str]:
    """The addresses in ``texts`` that lead somewhere, by key."""
    found = (whole(one.rstrip(_AFTER)) for text in texts for one in _TYPED.findall(text))
    return {key_of(url): url for url in found if _leads(url)}


def note(texts: Iterable[str]) -> None:
    """Keep where the links lead, before a message with them leaves. Once noted, for good."""
    rows = [Address(key=key, url=url) for key, url in typed_in(texts).items()]
    if rows:
        Address.objects.bulk_create(rows, ignore_conflicts=True)


def shown(url: str) -> str:
    """As people say an address: without what it begins with."""
    return re.sub(r"^https?://(www\.)?", "", url, flags=re.IGNORECASE).rstrip("/")
