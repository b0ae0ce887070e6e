"""What the composers show beside the words: how they read on a phone and in a mailbox."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

from apps.audience.criteria import Chosen
from apps.campaigns import rendering
from apps.campaigns.estimate import Sample, imagined, reader_without_links, weigh
from apps.campaigns.models import Trigger
from apps.contacts.models import Channel
from apps.messaging.letter import card_link, paragraphs
from apps.shops.models import Shop


class Told(Protocol):
    """For whom the words are shown."""

    @property
    def shortest(self) -> Sample | None: ...
    @property
    def longest(self) -> Sample | None: ...
    @property
    def reader(self) -> Chosen | None: ...


@dataclass(frozen=True, slots=True)
class Shown:
    """For a message that leaves by itself nobody is known yet: an imagined reader."""

    shortest: Sample | None
    longest: Sample | None
    reader: Chosen | None


def shown(trigger: Trigger, shop: Shop) -> Shown:
    """The words of a trigger for somebody imagined."""
    sample = None
    if trigger.use_sms:
        sample = weigh(trigger, imagined(shop), reader_without_links(), shop)
    return Shown(sample, sample, imagined(shop, Channel.EMAIL) if trigger.use_email else None)


def samples(words: rendering.Words, told: Told, shop: Shop) -> list[dict[str, Any]]:
    """The shortest and the longest SMS for two people, with links that open nothing."""
    chosen: list[Sample] = []
    for sample in (told.shortest, told.longest):
        if sample and sample not in chosen:
            chosen.append(sample)
    nobody = reader_without_links()
    return [
        {
            "sample": s,
            "text": rendering.sms(words, replace(s.person, card_token=""), nobody, shop),
        }
        for s in chosen
    ]


def mail_sample(words: rendering.Words, told: Told, shop: Shop) -> dict[str, Any] | None:
    """The mail for one person, with links that open nothing."""
    if told.reader is None:
        return None
    reader = replace(told.reader, card_token="")
    return {
        "subject": rendering.subject(words, reader, shop),
        "paragraphs": paragraphs(rendering.email_body(words, reader, shop)),
        "card": card_link(shop, "", rendering.door(words)),
        "name": reader.first_name or "une personne sans prénom",
    }
