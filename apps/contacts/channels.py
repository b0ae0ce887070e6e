"""The ways to write to a person, as ``config/channels.py`` lists them.

What a person's record knows of one stands here; how it is sent is said in its own file, in
``apps/messaging/channels/``. Whatever is true of one channel alone is asked of it by name of
what it means (``mobile_only``), never by the channel's own.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from django.conf import settings
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from apps.shops.models import Shop

if TYPE_CHECKING:
    from apps.contacts.models import Contact

Words = str | Promise
NONE = "none"  # ``ConsentState.NONE``: the models stand above


class Channel:
    """One way to write to a person. ``name`` is kept in rows: twelve letters at most.

    Consent and refusals by the network stand in ``Contact.ways`` under its name; only the two
    that campaigns of a hundred thousand go by have columns (``consent_column``, ``bad_column``).
    """

    name: ClassVar[str]
    label: ClassVar[Words]  # « SMS »
    by: ClassVar[Words]  # « par SMS »
    address: ClassVar[Literal["phone", "email", "push"]]
    typed: ClassVar[bool] = True  # the address: somebody wrote it, and may correct it
    mobile_only: ClassVar[bool] = False
    consent_column: ClassVar[str] = ""
    bad_column: ClassVar[str] = ""

    def __str__(self) -> str:
        return str(self.label)

    def offered(self, shop: Shop) -> bool:
        """Whether ``shop`` writes this way."""
        return True

    def address_of(self, contact: "Contact") -> str:
        return str(getattr(contact, self.address))

    def proven_at(self, contact: "Contact") -> datetime | None:
        """When the holder of the address showed it was theirs."""
        found: datetime | None = getattr(contact, f"{self.address}_proven_at")
        return found

    # --- what a person said -------------------------------------------------------------

    def consent_of(self, contact: "Contact") -> str:
        if self.consent_column:
            return str(getattr(contact, self.consent_column))
        return str(self._own(contact).get("consent", NONE))

    def consent_is(self, state: str) -> Q:
        """``consent_of`` in SQL."""
        if self.consent_column:
            return Q(**{self.consent_column: state})
        kept = f"ways__{self.name}__consent"
        return Q(**{f"{kept}__isnull": True}) if state == NONE else Q(**{kept: state})

    def with_consent(self, contact: "Contact", state: str) -> dict[str, Any]:
        """The columns of ``contact`` once it says ``state``."""
        if self.consent_column:
            return {self.consent_column: state}
        return self._with(contact, consent="" if state == NONE else str(state))

    # --- what the network said ----------------------------------------------------------

    def bad_at(self, contact: "Contact") -> datetime | None:
        """Since when the address is refused; by one channel alone, if it has no column."""
        found: datetime | None
        if self.bad_column:
            found = getattr(contact, self.bad_column)
        else:
            kept = self._own(contact).get("bad_at")
            found = datetime.fromisoformat(kept) if kept else None
        return found

    def is_bad(self) -> Q:
        """``bad_at`` in SQL: there is one."""
        return Q(**{f"{self.bad_column or f'ways__{self.name}__bad_at'}__isnull": False})

    def with_bad(self, contact: "Contact", at: datetime | None) -> dict[str, Any]:
        """The columns of ``contact`` once its address is refused ``at``, or no more."""
        if self.bad_column:
            return {self.bad_column: at}
        return self._with(contact, bad_at=at.isoformat() if at else "")

    def _own(self, contact: "Contact") -> dict[str, str]:
        return contact.ways.get(self.name, {})

    def _with(self, contact: "Contact", **said: str) -> dict[str, Any]:
        kept = {key: value for key, value in {**self._own(contact), **said}.items() if value}
        others = {name: own for name, own in contact.ways.items() if name != self.name}
        return {"ways": {**others, self.name: kept} if kept else others}


@cache
def _listed() -> dict[str, Channel]:
    made: Iterable[Channel] = (import_string(path)() for path in import_string(settings.CHANNELS))
    return {channel.name: channel for channel in made}


def every() -> list[Channel]:
    """All there are, in the order in which they are tried."""
    return list(_listed().values())


def offered(shop: Shop) -> list[Channel]:
    """Those that ``shop`` writes by."""
    return [channel for channel in every() if channel.offered(shop)]


def of(contact: "Contact", shop: Shop) -> list[Channel]:
    """Those that count for a person: the shop's, and any of which they ever said something."""
    return [c for c in every() if c.offered(shop) or c.consent_of(contact) != NONE]


def names() -> list[str]:
    return list(_listed())


def choices() -> list[tuple[str, str]]:
    """For a model's field: a new channel is no migration."""
    return [(channel.name, str(channel)) for channel in every()]


def named(name: str) -> Channel:
    """The channel that rows call ``name``."""
    return _listed()[name]


def by(channels: Iterable[str]) -> str:
    """« par SMS et par e-mail »."""
    return str(_(" et ")).join(str(named(name).by) for name in channels)
