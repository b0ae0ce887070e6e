"""Daily Drops of the last months, with messages at every end a message can come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from django.utils import timezone

from apps.campaigns.models import Drop, Send, State, Use
from apps.campaigns.personal import give, held_out, shown
from apps.contacts.models import Contact
from apps.messaging.models import Attempt, Kind, Message, Status

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
    whatsapp: str = ""  # a template's text, the words of the day in it

    @property
    def further(self) -> dict[str, dict[str, object]]:
        return {"whatsapp": {"text": self.whatsapp, "used": True}} if self.whatsapp else {}


class Campaigns:
    def __init__(self, seed: str, *, author: int, now: datetime) -> None:
        self.random, self.author, self.now = Random(f"{seed}-drops"), author, now

    def write(self, drops: Sequence[Past], draft: Past) -> None:
        for past in drops:
            self._done(past)
        Drop.objects.create(
            title=draft.title,
            criteria={"tags": list(draft.tags)},
            sms_text=draft.sms,
            email_subject=draft.subject,
            email_text=draft.email,
            use_email=bool(draft.email),
            further=draft.further,
            created_by=self.author,
        )

    def _done(self, past: Past) -> None:
        local = timezone.localtime(self.now) - timedelta(days=past.days)
        launched = local.replace(hour=10, minute=30, second=0, microsecond=0)
        people = Contact.objects.filter(created_at__lt=launched)
        if past.tags:
            people = people.tagged(*past.tags)
        everybody = people.count()
        drop = Drop.objects.create(
            title=past.title,
            criteria={"tags": list(past.tags)} if past.tags else {},
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
        Drop.objects.filter(pk=drop.pk).update(
            audience_size=len(ways),
            left_out={"no_consent": everybody - len(ways)},
        )

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
        body = drop.written(channel).replace("{prénom}", name)
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
