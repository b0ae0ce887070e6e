"""What every kind of trigger says of itself."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django import forms

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Met:
    """``contact_id`` met the trigger at ``at``. ``occasion`` names it for ever: once written to
    for it, never again (40 characters at most)."""

    contact_id: int
    occasion: str
    at: datetime


class NoSettings(forms.Form):
    """For a kind that needs none."""


class Kind(ABC):
    """One way to be met. The sweep, the reaction to a fact and the look back all ask ``met``:
    what the look back promised is what leaves.
    """

    key: ClassVar[str]  # as kept in the database
    title: ClassVar[str]
    about: ClassVar[str]
    hears: ClassVar[tuple[type, ...]] = ()  # the facts that may bring it about; none: the clock
    lasts: ClassVar[timedelta]  # how long after its moment the message still makes sense
    form: ClassVar[type[forms.Form]] = NoSettings
    written: ClassVar[Mapping[str, str]]  # first words, to make one's own
    # It tells people of what they have asked of the shop: no consent, no hours, no cap, no STOP.
    is_service: ClassVar[bool] = False

    @property
    def by_clock(self) -> bool:
        return not self.hears

    @abstractmethod
    def met(
        self, settings: Settings, since: datetime, until: datetime, contact_id: int | None = None
    ) -> Iterable[Met]:
        """Who met it between the two moments, both included; one person's, if one is named."""

    @abstractmethod
    def said(self, settings: Settings) -> str:
        """When it leaves, after « Part » : « 60 jours après la dernière visite »."""

    def delay(self, settings: Settings) -> timedelta:
        """From the moment it was met to the message."""
        return timedelta()

    def holds(self, settings: Settings, met: Met) -> bool:
        """Whether ``met`` is still true, now that the message may leave."""
        again = self.met(settings, met.at, met.at, met.contact_id)
        return any(one.occasion == met.occasion for one in again)


def whole(label: Any, initial: int, least: int, most: int) -> forms.IntegerField:
    """A setting that is a number."""
    widget = forms.NumberInput(attrs={"inputmode": "numeric"})
    return forms.IntegerField(
        label=label, initial=initial, min_value=least, max_value=most, widget=widget
    )
