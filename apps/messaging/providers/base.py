"""What Comptoir asks of whoever carries a message, in its own words."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import requests
import urllib3

from apps.core.outgoing import never_left
from apps.core.webpush import Subscription
from apps.messaging.models import Status


@dataclass(frozen=True, slots=True)
class Content:
    """A text that the provider knows: its name there, and what stands in its places, as JSON."""

    reference: str
    variables: str


@dataclass(frozen=True, slots=True)
class Written:
    """A text to be approved: with numbers in its places, and an example for each."""

    name: str
    body: str
    samples: dict[str, str]
    category: str


@dataclass(frozen=True, slots=True)
class Account:
    """A shop's own account at the vendor. Without a token it is one whose keys are gone."""

    sid: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Browsers:
    """Those that a person's notification goes to; ``until`` it still may be shown."""

    each: tuple[Subscription, ...]
    until: datetime


@dataclass(frozen=True, slots=True)
class Outgoing:
    """All that a sender needs, so that its thread never asks the database."""

    channel: str
    to: str
    body: str
    subject: str
    html: str
    commercial: bool
    attempt: str  # the try's token
    shop_token: str  # the shop's callback_token
    sender: str  # the number, name or address it comes from, as the channel says
    sender_name: str  # the shop's
    reply_to: str
    stop_url: str  # the page of this person's choices
    one_click_url: str  # RFC 8058
    content: Content | None = None
    account: Account | None = None  # the shop's own; None: the platform's
    browsers: Browsers | None = None
    file: str = ""  # a PDF in the storage that goes with it
    file_name: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a sender can do. ``adds_stop``: the operator ends commercial SMS with its own STOP."""

    receives_replies: bool = False
    adds_stop: bool = False
    paid: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider has it. ``reference`` is its name for it; ``gone`` are browsers of the same
    person that take nothing more."""

    reference: str
    status: Status = Status.SENT
    gone: tuple[str, ...] = ()


class DeliveryFailed(Exception):
    """Nothing left, for sure. ``code`` is a key of ``reasons.say``.

    ``permanent``: no other try will do better. ``quota``: nothing at all will pass until
    someone pays or repairs the account. Otherwise it is tried again, not before
    ``retry_after`` seconds. ``gone``: see ``Receipt``.
    """

    gone: tuple[str, ...] = ()

    def __init__(
        self, code: str, *, permanent: bool = False, quota: bool = False, retry_after: int = 0
    ) -> None:
        super().__init__(code)
        self.code, self.permanent, self.quota = code, permanent, quota
        self.retry_after = retry_after


class DeliveryUncertain(Exception):
    """The request went out and no clear answer came back: it may have left or not."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


NEVER_CAME = DeliveryFailed("never_came")


class Provider(Protocol):
    """One vendor on one channel. Called from threads: no database, own timeouts."""

    name: str
    can: Capabilities

    def send(self, message: Outgoing) -> Receipt:
        """Hand over. Raises ``DeliveryFailed`` or ``DeliveryUncertain``."""

    def look_up(self, message: Outgoing, since: datetime) -> Receipt | DeliveryFailed | None:
        """What became of a try whose answer was lost.

        ``NEVER_CAME`` when the provider can list what it took and this is not in it; None when
        it cannot be told.
        """


def network_failure(
    error: requests.RequestException | urllib3.exceptions.HTTPError,
) -> DeliveryFailed | DeliveryUncertain:
    """A request that broke: before anything was sent it may be tried again, after it may not."""
    return DeliveryFailed("network") if never_left(error) else DeliveryUncertain("no_answer")
