"""What the composers show beside the words: how they read on a phone and in a mailbox."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

from django.db.models import CharField, Value
from django.db.models.functions import Cast, Coalesce, Length, NullIf

from apps.audience.criteria import Chosen
from apps.campaigns import rendering
from apps.campaigns.estimate import Sample, imagined, reader_without_links, weigh
from apps.campaigns.models import Drop, Trigger
from apps.campaigns.writing import absences, uses
from apps.contacts.models import Channel, Contact
from apps.loyalty.services import the_programme
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
    """For a message that leaves by itself: those of the shop's people it would be shortest and
    longest for, or somebody imagined when there is nobody."""

    shortest: Sample | None
    longest: Sample | None
    reader: Chosen | None


EXTREMES = 10  # people of the longest names, and of the shortest, whose messages are weighed


def shown(trigger: Trigger, shop: Shop) -> Shown:
    """The words of a trigger for real people; nobody is looked at one by one."""
    by_size: list[Sample] = []
    if trigger.use_sms:
        nobody, people = reader_without_links(), _extremes(trigger, Channel.SMS)
        readers = people or [imagined(shop)]
        weighed = (weigh(trigger, person, nobody, shop) for person in readers)
        by_size = sorted(weighed, key=lambda sample: sample.count.units)
    reader = None
    if trigger.use_email:
        reader = next(iter(_extremes(trigger, Channel.EMAIL)), imagined(shop, Channel.EMAIL))
    ends = (by_size[0], by_size[-1]) if by_size else (None, None)
    return Shown(ends[0], ends[1], reader)


def _extremes(trigger: Trigger, channel: str) -> list[Chosen]:
    """Whom the message reaches by ``channel`` and makes it the longest or the shortest: what
    the words say of a person is as long as the name, or the word in its place, and the stamps."""
    written = (trigger.sms_text, trigger.email_subject, trigger.email_text)

    def said(name: str, value: Any) -> Any:
        return Length(value) if any(uses(text, name) for text in written) else Value(0)

    given = Coalesce(NullIf("first_name", Value("")), Value(trigger.fallback))
    stamps = Cast(Coalesce("card__balance", 0), CharField())
    size = said("prénom", given) + said("nom", "last_name") + said("tampons", stamps)
    people = Contact.objects.reachable_by(channel).annotate(size=size)
    people = people.select_related("card").only(
        "first_name", "last_name", "phone", "email", "card__balance", "card__rewards_ready"
    )
    goal = the_programme().goal
    found = [*people.order_by("-size", "pk")[:EXTREMES], *people.order_by("size", "pk")[:EXTREMES]]
    return [_chosen(person, channel, goal) for person in found]


def _chosen(person: Contact, channel: str, goal: int) -> Chosen:
    card = getattr(person, "card", None)
    balance = card.balance if card else 0
    return Chosen(
        contact_id=person.pk,
        channel=channel,
        address=person.address(channel),
        first_name=person.first_name,
        last_name=person.last_name,
        balance=balance,
        missing=max(goal - balance, 0),
        rewards_ready=card.rewards_ready if card else 0,
        card_token="",
    )


def missing_said(words: Drop | Trigger) -> list[tuple[str, str]]:
    """What each variable of the words reads where a person has no value for it."""
    texts = [words.sms_text] if words.use_sms else []
    texts += [words.email_subject, words.email_text] if words.use_email else []
    return absences(texts, {"prénom": words.fallback})


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
