"""What the composers show beside the words: how they read on a phone and in a mailbox."""

from dataclasses import replace
from typing import Any, Protocol

from django.db.models import CharField, Value
from django.db.models.functions import Cast, Coalesce, Length, NullIf

from apps.audience.criteria import Chosen
from apps.campaigns import rendering
from apps.campaigns.estimate import Sample, Shown, imagined, reader_without_links, weigh
from apps.campaigns.models import Drop, Trigger
from apps.campaigns.writing import absences, uses
from apps.contacts.channels import named
from apps.contacts.models import Channel, Contact
from apps.loyalty.models import Programme
from apps.loyalty.services import the_programme
from apps.messaging.letter import paragraphs
from apps.shops.models import Shop


class Told(Protocol):
    """For whom the words are shown."""

    @property
    def shortest(self) -> Sample | None: ...
    @property
    def longest(self) -> Sample | None: ...
    @property
    def readers(self) -> dict[str, Chosen]: ...


EXTREMES = 10  # people of the longest names, and of the shortest, whose messages are weighed


def shown(trigger: Trigger, shop: Shop) -> Shown:
    """The words of a trigger for real people; nobody is looked at one by one."""
    by_size: list[Sample] = []
    if trigger.use_sms:
        nobody, people = reader_without_links(), _extremes(trigger, Channel.SMS)
        readers = people or [imagined(shop)]
        weighed = (weigh(trigger, person, nobody, shop) for person in readers)
        by_size = sorted(weighed, key=lambda sample: sample.count.units)
    others = [channel for channel in trigger.channels if channel != Channel.SMS]
    found = {channel: _extremes(trigger, channel) for channel in others}
    ends = (by_size[0], by_size[-1]) if by_size else (None, None)
    readers_of = {c: people[0] if people else imagined(shop, c) for c, people in found.items()}
    return Shown(ends[0], ends[1], readers_of)


def _extremes(trigger: Trigger, channel: str) -> list[Chosen]:
    """Whom the message reaches by ``channel`` and makes it the longest or the shortest: what
    the words say of a person is as long as the name, or the word in its place, and the stamps."""

    def said(name: str, value: Any) -> Any:
        return Length(value) if any(uses(text, name) for text in trigger.wordings) else Value(0)

    given = Coalesce(NullIf("first_name", Value("")), Value(trigger.fallback))
    stamps = Cast(Coalesce("card__balance", 0), CharField())
    size = said("prénom", given) + said("nom", "last_name") + said("tampons", stamps)
    people = Contact.objects.reachable_by(channel).annotate(size=size)
    people = people.select_related("card").only(
        "first_name", "last_name", "phone", "email", "card__balance", "card__rewards_ready"
    )
    programme = the_programme()
    found = [*people.order_by("-size", "pk")[:EXTREMES], *people.order_by("size", "pk")[:EXTREMES]]
    return [_chosen(person, channel, programme) for person in found]


def _chosen(person: Contact, channel: str, programme: Programme) -> Chosen:
    card = getattr(person, "card", None)
    balance = card.balance if card else 0
    return Chosen(
        contact_id=person.pk,
        channel=channel,
        address=person.address(channel),
        first_name=person.first_name,
        last_name=person.last_name,
        balance=programme.told(balance),
        missing=programme.missing(balance),
        rewards_ready=card.rewards_ready if card else 0,
        card_token="",
    )


def missing_said(words: Drop | Trigger) -> list[tuple[str, str]]:
    """What each variable of the words reads where a person has no value for it."""
    return absences(words.wordings, {"prénom": words.fallback})


def samples(words: rendering.Words, told: Told, shop: Shop) -> list[dict[str, Any]]:
    """The shortest and the longest SMS for two people, with links that open nothing."""
    chosen: list[Sample] = []
    for sample in (told.shortest, told.longest):
        if sample and sample not in chosen:
            chosen.append(sample)
    return [
        {
            "sample": s,
            "text": _read(words, Channel.SMS, s.person, shop),
        }
        for s in chosen
    ]


def further_samples(words: rendering.Words, told: Told, shop: Shop) -> list[dict[str, Any]]:
    """What the channels that are neither SMS nor mail bring, for one person each."""
    return [
        {
            "way": named(channel),
            "text": _read(words, channel, person, shop) if words.written(channel) else "",
            "name": person.first_name or "une personne sans prénom",
        }
        for channel, person in told.readers.items()
        if channel not in set(Channel)
    ]


def _read(words: rendering.Words, channel: str, person: Chosen, shop: Shop) -> str:
    reader = replace(person, card_token="")
    return rendering.text(words, channel, reader, reader_without_links(), shop)


def mail_sample(words: rendering.Words, told: Told, shop: Shop) -> dict[str, Any] | None:
    """The mail for one person, with links that open nothing."""
    if Channel.EMAIL not in told.readers:
        return None
    reader = replace(told.readers[Channel.EMAIL], card_token="")
    return {
        "subject": rendering.subject(words, Channel.EMAIL, reader, shop),
        "paragraphs": paragraphs(rendering.body(words, Channel.EMAIL, reader, shop)),
        "name": reader.first_name or "une personne sans prénom",
    }
