"""Daily Drops of the last months, with messages at every end a message can come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from django.utils import timezone

from apps.audience.criteria import Criteria
from apps.audience.rules.people import Tags
from apps.campaigns.models import Click, Drop, Link, Pick, PickedBy, Rival, Send, State, Use
from apps.campaigns.personal import give, held_out, shown
from apps.campaigns.splitting import reads
from apps.campaigns.versus import better, versus
from apps.contacts.models import Contact
from apps.loyalty.services import card_of
from apps.messaging.letter import card_link
from apps.messaging.models import Attempt, Kind, Message, Status
from apps.shops.models import Shop

_HOURS_AFTER = (1, 5, 7, 8, 24, 29, 31, 32, 48, 54, 56, 96, 103, 173)
PIECE_TENTHS = {"sms": 70, "whatsapp": 120}  # tenths of a cent
_ENDS = (Status.DELIVERED, Status.SENT, Status.FAILED, Status.UNKNOWN, Status.CANCELLED)
_REASONS = {
    ("sms", Status.FAILED): "30003",
    ("email", Status.FAILED): "bad_mailbox",
    ("whatsapp", Status.FAILED): "63049",
    ("sms", Status.CANCELLED): "capped",
    ("email", Status.CANCELLED): "capped",
    ("whatsapp", Status.CANCELLED): "capped",
}


@dataclass(frozen=True, slots=True)
class Past:
    """A drop of ``days`` ago, to those who wear ``tags`` (everybody without)."""

    days: int
    title: str
    sms: str
    subject: str = ""
    email: str = ""
    tags: tuple[str, ...] = ()
    hold_out: int = 0
    offer: str = ""  # what the code gives; « {code} » then stands in the words
    second: str = ""  # the text B of the SMS, tried against the first
    whatsapp: str = ""  # a template's text, the words of the day in it

    @property
    def further(self) -> dict[str, dict[str, object]]:
        return {"whatsapp": {"text": self.whatsapp, "used": True}} if self.whatsapp else {}


def _wearing(tags: tuple[str, ...]) -> dict[str, object]:
    return Criteria.of(Tags("any", tags)).as_dict() if tags else {}


class Campaigns:
    def __init__(self, seed: str, *, shop: Shop, author: int, now: datetime) -> None:
        self.random, self.shop = Random(f"{seed}-drops"), shop
        self.author, self.now = author, now

    def write(self, drops: Sequence[Past], draft: Past) -> None:
        for past in drops:
            self.done(past)
        Drop.objects.create(
            title=draft.title,
            criteria=_wearing(draft.tags),
            sms_text=draft.sms,
            email_subject=draft.subject,
            email_text=draft.email,
            use_email=bool(draft.email),
            further=draft.further,
            created_by=self.author,
        )

    def done(self, past: Past) -> Drop:
        """One that has left, with its messages."""
        local = timezone.localtime(self.now) - timedelta(days=past.days)
        launched = local.replace(hour=10, minute=30, second=0, microsecond=0)
        people = Contact.objects.filter(created_at__lt=launched)
        if past.tags:
            people = people.tagged(*past.tags)
        everybody = people.count()
        drop = Drop.objects.create(
            title=past.title,
            criteria=_wearing(past.tags),
            sms_text=past.sms,
            email_subject=past.subject,
            email_text=past.email,
            use_sms=bool(past.sms),
            use_email=bool(past.email),
            further=past.further,
            hold_out=past.hold_out,
            offer=past.offer,
            offer_until=(launched + timedelta(days=14)).date() if past.offer else None,
            state=State.DONE,
            launched_at=launched,
            done_at=launched + timedelta(minutes=6),
            created_by=self.author,
            created_at=launched - timedelta(hours=2),
        )
        if past.second:
            self._second(drop, past, launched + timedelta(hours=4))
        ways: dict[int, tuple[Contact, str]] = {}  # each by the first that reaches them
        for channel in drop.channels:
            for contact in people.reachable_by(channel):
                ways.setdefault(contact.pk, (contact, channel))
        held = [contact for contact, _channel in ways.values() if held_out(drop, contact.pk)]
        Send.objects.bulk_create(Send(drop=drop, contact=c, held_out=True) for c in held)
        kept = {contact.pk for contact in held}
        written_to = [way for pk, way in ways.items() if pk not in kept]
        given = self._codes(drop, [contact for contact, _ in written_to]) if past.offer else {}
        messages = [self._message(drop, *way, launched) for way in written_to]
        for message in messages:
            message.body = message.body.replace("{code}", given.get(message.contact_id, ""))
        self._send(messages)
        if past.second:
            self._follow(drop, [c for c, channel in written_to if channel == "sms"], launched)
        Drop.objects.filter(pk=drop.pk).update(
            audience_size=len(ways),
            left_out={"no_consent": everybody - len(ways)},
        )
        return drop

    def _second(self, drop: Drop, past: Past, picked: datetime) -> None:
        Rival.objects.create(
            drop=drop,
            sms_text=past.second,
            email_subject=past.subject,
            email_text=past.email,
            share=20,
            pick_at=picked,
            pick=Pick.B,
            picked_by=PickedBy.FIGURES,
            picked_at=picked,
        )

    def _follow(self, drop: Drop, readers: Sequence[Contact], at: datetime) -> None:
        """The second text's link is followed twice as often; with few people the owner saw it."""
        rates = {Pick.A: 0.08, Pick.B: 0.17}
        Click.objects.bulk_create(
            Click(drop=drop, contact=contact, link=Link.CARD, at=at + timedelta(hours=1))
            for contact in readers
            if self.random.random() < rates[Pick(reads(drop, contact.pk))]
        )
        found = versus(drop)
        assert found
        drop.rival.seen = found.seen
        drop.rival.picked_by = PickedBy.FIGURES if better(found) else PickedBy.HAND
        drop.rival.save(update_fields=["seen", "picked_by"])

    def _codes(self, drop: Drop, people: Sequence[Contact]) -> dict[int, str]:
        """Each one's code as it is written; some have come with theirs."""
        give(drop, len(people), [f"{{{','.join(str(contact.pk) for contact in people)}}}"])
        sends = list(drop.sends.order_by("contact_id"))
        assert drop.launched_at
        used = [
            Use(
                send=send,
                token=UUID(int=self.random.getrandbits(128), version=4),
                actor_kind="team",
                actor_id=self.author,
                at=drop.launched_at + timedelta(hours=self.random.choice(_HOURS_AFTER)),
            )
            for send in sends
            if self.random.random() < 0.11
        ]
        Use.objects.bulk_create([use for use in used if use.at < self.now])
        return {send.contact_id: shown(send.code or "") for send in sends}

    def _message(self, drop: Drop, contact: Contact, channel: str, at: datetime) -> Message:
        status = self.random.choices(_ENDS, (930, 30, 25, 5, 10))[0]
        left = status != Status.CANCELLED
        sent = at + timedelta(seconds=self.random.randrange(5, 300)) if left else None
        heard = status in {Status.DELIVERED, Status.FAILED, Status.CANCELLED}
        name = contact.first_name or "cher client"
        words = drop.texts[reads(drop, contact.pk)]
        body = words.written(channel).replace("{prénom}", name)
        if "{lien}" in body:
            link = card_link(self.shop, card_of(contact).token, drop.door)
            body = body.replace("{lien}", link)
        return Message(
            contact=contact,
            channel=channel,
            kind=Kind.COMMERCIAL,
            cause=drop.cause,
            to=contact.address(channel),
            subject=drop.written(channel, "subject"),
            body=body,
            status=status,
            tries=1 if left else 0,
            segments=int(left and channel in PIECE_TENTHS),
            cost_tenths=PIECE_TENTHS.get(channel, 0) if left else 0,
            reason=_REASONS.get((channel, status), ""),
            created_at=at,
            sent_at=sent,
            done_at=(sent or at) + timedelta(seconds=4) if heard else None,
        )

    def _send(self, messages: Sequence[Message]) -> None:
        Message.objects.bulk_create(messages, batch_size=1000)
        tries = [
            Attempt(
                message=message,
                number=1,
                provider="local",
                reference=f"demo-{message.pk}",
                status=message.status,
                code=message.reason,
                at=message.sent_at,
                done_at=message.done_at,
            )
            for message in messages
            if message.sent_at
        ]
        Attempt.objects.bulk_create(tries, batch_size=1000)
        latest = max((t.at for t in tries), default=self.now)
        reached = Contact.objects.filter(pk__in=[t.message.contact_id for t in tries])
        reached.update(last_commercial_at=latest)
