"""A person's own link, and whose link a visitor followed first.

The link's code is the card's number and a tag that only this server makes: it opens nothing and
says at most a first name. What is remembered of a visitor stands in one cookie of the shop's own,
signed, for sixty days: whose link it was, when, and which cards this browser already holds. It is
set only by who follows such a link or asks for their own, for the gift that they were offered and
that nobody else could then be given: strictly necessary for what they asked for (art. 82 of the
law of 1978; french-rules §3), so it asks for no banner. It holds no mark of the device and no
name, is read by nothing else and sent to nobody. Without cookies the form carries the code.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hmac import compare_digest

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from apps.core.tenancy import current_schema
from apps.core.tokens import keyed_hash, short
from apps.loyalty.models import Card

COOKIE = "parrain"
COUNTS = timedelta(days=60)
HELD_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Touch:
    """``sponsor`` is the number of the card whose link was followed first; ``held`` the numbers
    of the cards that this browser has shown as its own."""

    sponsor: int
    followed_at: datetime
    held: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """What a browser brings back: a link it followed within the sixty days, and its cards."""

    touch: Touch | None = None
    held: tuple[int, ...] = ()

    def follow(self, number: int, now: datetime) -> "Memory":
        """The link of card ``number`` was followed: the first one counts."""
        return self if self.touch else replace(self, touch=Touch(number, now, self.held))

    def hold(self, number: int) -> "Memory":
        """This browser has shown card ``number`` as its own."""
        return replace(self, held=tuple(dict.fromkeys((number, *self.held)))[:HELD_AT_MOST])


def code_of(number: int) -> str:
    """What the link of the card with this number ends with."""
    return f"{short(number)}-{keyed_hash(f'referral:{current_schema()}', str(number))[:10]}"


def number_in(code: str) -> int | None:
    """The card's number; None for a code that this server did not make."""
    said = code.partition("-")[0]
    number = int(said, 36) if said.isascii() and said.isalnum() and len(said) <= 6 else 0
    return number if number and compare_digest(code.encode(), code_of(number).encode()) else None


def sponsor_numbered(number: int) -> Card | None:
    """The card of who shared the link, as it is today."""
    card = Card.objects.select_related("contact__merged_into__card").filter(number=number).first()
    into = card and card.contact.merged_into
    return into.card if into else card


def remembered(request: HttpRequest, now: datetime) -> Memory:
    """What this browser's cookie says; nothing of one that is not ours or too old."""
    try:
        said = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_salt(), max_age=COUNTS)
    except signing.BadSignature:
        return Memory()
    held = tuple(said["held"])
    if said["by"] is None:
        return Memory(held=held)
    followed_at = datetime.fromtimestamp(said["at"], UTC)
    counts = now - followed_at <= COUNTS
    return Memory(Touch(said["by"], followed_at, held) if counts else None, held)


def remember(response: HttpResponse, memory: Memory) -> None:
    touch = memory.touch
    said = {
        "by": touch.sponsor if touch else None,
        "at": int(touch.followed_at.timestamp()) if touch else None,
        "held": memory.held,
    }
    response.set_cookie(
        COOKIE,
        signing.dumps(said, salt=_salt()),
        max_age=COUNTS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _salt() -> str:
    return f"referral:{current_schema()}"
