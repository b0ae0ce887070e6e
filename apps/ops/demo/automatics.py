"""Messages that have left by themselves for two months, by the rules they leave by."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from apps.campaigns import automatic
from apps.campaigns.leaving import way_to, words_for
from apps.campaigns.models import Click, Link, Run, RunState, Send, Trigger, Use
from apps.campaigns.queries import has_links
from apps.campaigns.triggers import KINDS
from apps.campaigns.triggers.kind import Met
from apps.contacts.models import Channel, Contact
from apps.core.actor import Actor
from apps.messaging.hours import next_allowed
from apps.messaging.models import Attempt, Kind, Message, Status
from apps.shops.models import Shop

SPAN = timedelta(days=60)
_ENDS = (Status.DELIVERED, Status.SENT, Status.FAILED)


@dataclass(frozen=True, slots=True)
class Automatic:
    """A trigger of ``kind``; the words that are not given are the kind's own."""

    kind: str
    is_on: bool = True
    settings: dict[str, Any] = field(default_factory=dict)
    words: dict[str, Any] = field(default_factory=dict)


AUTOMATICS = (
    Automatic("welcome"),
    Automatic("reward_ready"),
    Automatic("inactivity", settings={"by": "rhythm", "days": 45}),
    Automatic(
        "birthday",
        words={
            "sms_text": "{prénom|Bonjour}, toute l'équipe de {boutique} vous souhaite un bel "
            "anniversaire. Une surprise vous attend avec le code {code}.",
            "email_text": "Bonjour {prénom},\n\nToute l’équipe vous souhaite un bel anniversaire. "
            "Passez nous voir, une surprise vous attend :\n\n{bon}\n\nOu dites votre code : "
            "{code}.\n\nÀ bientôt,\n{boutique}",
            "offer": "Une surprise d’anniversaire",
            "offer_days": 30,
        },
    ),
    Automatic("referral_joined", settings={"when": "given"}),
    Automatic("box_ready"),
    Automatic("milestone", is_on=False, settings={"number": 25}),
)


class Automatics:
    def __init__(self, seed: str, *, shop: Shop, author: int, now: datetime) -> None:
        self.random, self.shop, self.now = Random(f"{seed}-automatics"), shop, now
        self.by = Actor("team", author)
        self.written_to: dict[int, datetime] = {}

    def write(self, automatics: Sequence[Automatic]) -> None:
        for one in automatics:
            trigger = automatic.create(one.kind, self.by)
            for name, value in one.words.items():
                setattr(trigger, name, value)
            trigger.settings |= one.settings
            trigger.save()
            if one.is_on:
                automatic.switch_on(trigger.pk, self.by, self.shop, self.now)
                Trigger.objects.filter(pk=trigger.pk).update(on_since=self.now - SPAN)
                self._live(trigger)

    def _live(self, trigger: Trigger) -> None:
        met = list(KINDS[trigger.kind].met(trigger.settings, self.now - SPAN, self.now))
        people = Contact.objects.living().in_bulk({one.contact_id for one in met})
        for one in sorted(met, key=lambda one: one.at):
            if one.contact_id in people:
                self._meet(trigger, people[one.contact_id], one)

    def _meet(self, trigger: Trigger, person: Contact, met: Met) -> None:
        kind, cap = KINDS[trigger.kind], timedelta(days=self.shop.cap_days)
        run = Run(
            trigger=trigger,
            contact=person,
            occasion=met.occasion,
            caused_at=met.at,
            expires_at=met.at + kind.delay(trigger.settings) + kind.lasts,
        )
        last = self.written_to.get(person.pk) or person.last_commercial_at
        free = max(met.at, last + cap) if last else met.at
        at = next_allowed(self.shop, person.phone, free, postal_code=person.postal_code)
        channel, why_not = way_to(person, trigger, self.shop, self.now)
        if channel and at <= min(self.now, run.expires_at):
            self._send(run, channel, at)
            return
        waits = bool(channel) and self.now < at <= run.expires_at
        run.state = RunState.WAITING if waits else RunState.DROPPED
        run.reason = why_not or ("too_soon" if waits else "outdated")
        run.at, run.done_at = (at, None) if waits else (None, met.at)
        run.save()

    def _answer(self, run: Run, person: Contact) -> None:
        """Some follow a link of what they got, some come with their code."""
        later = min(run.caused_at + timedelta(days=self.random.randrange(1, 6)), self.now)
        if has_links(run.trigger) and self.random.random() < 0.22:
            link = Link.CARD if "{lien}" in run.trigger.sms_text else Link.VOUCHER
            Click.objects.create(run=run, contact=person, link=link, at=later)
        send = Send.objects.filter(run=run).first()
        if send and self.random.random() < 0.35:
            token = UUID(int=self.random.getrandbits(128), version=4)
            by = {"actor_kind": self.by.kind, "actor_id": self.by.id}
            Use.objects.create(send=send, token=token, at=later, **by)

    def _send(self, run: Run, channel: str, at: datetime) -> None:
        person, sms = run.contact, channel == Channel.SMS
        status = self.random.choices(_ENDS, (95, 3, 2))[0]
        run.state, run.at = RunState.WAITING, at
        run.save()
        subject, body = words_for(run, person, channel, self.shop, at)
        message = Message.objects.create(
            contact=person,
            channel=channel,
            kind=Kind.COMMERCIAL,
            cause=run.cause,
            to=person.address(channel),
            subject=subject,
            body=body,
            status=status,
            tries=1,
            segments=int(sms),
            cost_tenths=self.shop.sms_price_tenths if sms else 0,
            reason=("30003" if sms else "bad_mailbox") if status == Status.FAILED else "",
            created_at=at,
            sent_at=at + timedelta(seconds=3),
            done_at=None if status == Status.SENT else at + timedelta(seconds=8),
        )
        Attempt.objects.create(
            message=message,
            number=1,
            provider="local",
            reference=f"demo-auto-{message.pk}",
            status=status,
            code=message.reason,
            at=at + timedelta(seconds=3),
            done_at=message.done_at,
        )
        run.state, run.message, run.at, run.done_at = RunState.SENT, message, None, at
        run.save()
        self._answer(run, person)
        self.written_to[person.pk] = at
        Contact.objects.filter(pk=person.pk).update(last_commercial_at=at)
