"""What the demonstration's customers answered to the last Daily Drops, and the shop to some."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from apps.contacts.models import Channel, Contact
from apps.messaging.models import Attempt, Kind, Message, Reply, Status

STRANGER = "+33699887766"


@dataclass(frozen=True, slots=True)
class Said:
    """``minutes`` after the message; ``answer`` is the shop's, a quarter of an hour later."""

    channel: str
    minutes: int
    words: str
    answer: str = ""


SAID = (
    Said("sms", 4, "Bonjour ! Vous m’en gardez deux ? Je passe samedi matin.", "C’est noté !"),
    Said("sms", 11, "Merci pour le message. Vous êtes ouverts lundi ?"),
    Said("email", 35, "Bonjour,\n\nPeut-on payer en deux fois ?\n\nMerci", "Oui, bien sûr."),
    Said("sms", 52, "Trop tard pour en réserver ?", "Il en reste, on vous en met de côté."),
    Said("sms", 90, "Super, à tout à l’heure"),
    Said("email", 160, "Est-ce que cela se garde quelques semaines ?"),
)


class Answers:
    def __init__(self, seed: str, *, now: datetime) -> None:
        self.random, self.now = Random(f"{seed}-answers"), now

    def write(self) -> None:
        """Each to a message its person really got; nothing where nobody got one."""
        heard = Message.objects.filter(kind=Kind.COMMERCIAL, status=Status.DELIVERED)
        for number, said in enumerate(SAID):
            theirs = heard.filter(channel=said.channel).select_related("contact")
            latest = list(theirs.order_by("-sent_at", "-pk")[:40])
            if latest:
                self._say(said, latest[(number * 7) % len(latest)], number)
        Reply.objects.create(
            channel=Channel.SMS,
            sender=STRANGER,
            body="Bonjour, on m’a parlé de vous : vous livrez à domicile ?",
            at=self.now - timedelta(hours=3),
            key="demo-stranger",
        )

    def _say(self, said: Said, about: Message, number: int) -> None:
        at = (about.sent_at or about.created_at) + timedelta(minutes=said.minutes)
        at = min(at, self.now - timedelta(hours=1))
        answered = at + timedelta(minutes=15) if said.answer else None
        Reply.objects.create(
            contact=about.contact,
            channel=said.channel,
            sender=about.to,
            subject=f"Re: {about.subject}" if about.subject else "",
            body=said.words,
            at=at,
            read_at=answered,
            key=f"demo-{number}",
        )
        if answered:
            self._answer(said.answer, about, answered)

    def _answer(self, words: str, about: Message, at: datetime) -> None:
        arrived(
            about.contact,
            channel=about.channel,
            cause=f"answer:{UUID(int=self.random.getrandbits(128))}",
            to=about.to,
            subject=f"Re: {about.subject}" if about.subject else "",
            body=words,
            at=at,
        )


def arrived(person: Contact, *, at: datetime, **said: str) -> Message:
    """A service message that left at once and got there, with its one try."""
    done = at + timedelta(seconds=4)
    made = Message.objects.create(
        contact=person,
        kind=Kind.SERVICE,
        status=Status.DELIVERED,
        tries=1,
        created_at=at,
        sent_at=at,
        done_at=done,
        **said,
    )
    Attempt.objects.create(
        message=made,
        number=1,
        provider="local",
        reference=f"demo-{made.pk}",
        status=Status.DELIVERED,
        at=at,
        done_at=done,
    )
    return made
