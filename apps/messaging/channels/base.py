"""What the outbox and the composers ask of a channel."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django import forms

from apps.contacts.channels import Channel
from apps.contacts.models import Contact
from apps.core.templatetags.french import nombre
from apps.messaging.models import Message
from apps.messaging.providers.base import Account, Browsers, Content, Provider
from apps.shops.models import Shop


@dataclass(slots=True)
class Sight:
    """What a channel sees of messages that are about to leave, by their ids: why one may not (a
    code of ``reasons.say``), what the provider knows another's text by, where one is left."""

    barred: dict[int, str] = field(default_factory=dict)
    contents: dict[int, Content] = field(default_factory=dict)
    browsers: dict[int, Browsers] = field(default_factory=dict)


class Sending(Channel, ABC):
    """A channel, whole. One that is paid by the piece says ``pieces`` and ``price_tenths``."""

    has_subject: ClassVar[bool] = False
    short_links: ClassVar[bool] = False  # a phone makes links of addresses without a scheme
    counts_addresses: ClassVar[bool] = False  # one typed in a text may lead by the shop's host
    spells_light: ClassVar[bool] = False  # an accent may double the price
    typeset: ClassVar[bool] = False  # French spaces before ; : ! ?
    sender_is_sure: ClassVar[bool] = True  # nobody writes from an address that is not theirs
    answers_within: ClassVar[timedelta | None] = None  # since the person wrote; None: any time
    longest: ClassVar[int] = 1000  # signs of a text, variables as they are typed

    def fields(self, shop: Shop) -> dict[str, forms.Field]:
        """What is typed in a composer, by its place in what ``written`` gives."""
        area = forms.Textarea(attrs={"rows": 4})
        label = f"Le texte à envoyer {self.by}"
        return {
            "text": forms.CharField(
                label=label, max_length=self.longest, required=False, widget=area
            )
        }

    def written(self, typed: dict[str, Any], shop: Shop) -> dict[str, str]:
        """What is kept of it: its ``text`` at least, variables as they are typed."""
        return typed

    @abstractmethod
    def provider(self) -> Provider:
        """Who carries it, as the settings say; one for the process (``provider_of``)."""

    @abstractmethod
    def finish(self, text: str, contact: Contact, shop: Shop) -> str:
        """A commercial text as it leaves: who writes, the health sentence, the way to stop."""

    def sender(self, shop: Shop) -> str:
        """Who it comes from, as the reader's phone shows it."""
        return shop.name

    def account(self, shop: Shop) -> Account | None:
        """The shop's own at the operator, by which it leaves; None: the platform's."""
        return None

    def shared_sender(self) -> str:
        """The sender that several shops may write from, and that hears answers (``lines``)."""
        return ""

    def pieces(self, body: str, *, commercial: bool) -> int:
        """What the operator bills."""
        return 0

    def look(self, messages: Sequence[Message], shop: Shop, now: datetime) -> Sight:
        """The last look at messages that are about to leave, of whatever kind."""
        return Sight()

    def counted(self, many: int) -> str:
        """« 496 SMS »: so many pieces, or messages where no piece is billed."""
        return f"{nombre(many)} {self.label}"

    def price_tenths(self, shop: Shop) -> int:
        """Tenths of a cent a piece."""
        return 0

    def html(self, message: Message, person: Contact, shop: Shop) -> str:
        """What goes beside the text."""
        return message.html
