"""What people answer: stored once, obeyed when it is a stop or a start, read by the team.

Providers post answers twice, late and in any order. Of « STOP » and « START » from one address
the one that reached us last counts, whichever is applied first.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.contacts.models import Contact, Source
from apps.core.tenancy import one_at_a_time
from apps.messaging.channels import sending
from apps.messaging.models import Meaning, Reply
from apps.messaging.stops import holder, is_start, is_stop, stop_address, take_back_stop


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer as a provider gave it. ``key`` is the same each time it is given."""

    key: str
    channel: str
    sender: str
    body: str
    at: datetime
    subject: str = ""


def meaning_of(channel: str, text: str) -> Meaning:
    """A stop is heard everywhere. A start only where the sender is who it says: anybody can
    write a mail in anybody's name, and a mail has its link."""
    if is_stop(text):
        return Meaning.STOP
    return Meaning.START if sending(channel).sender_is_sure and is_start(text) else Meaning.WORDS


@transaction.atomic
def hear(heard: Heard) -> Reply:
    """Keep the answer and do what it asks. The same again is the same."""
    # Two answers of one address wait for each other, also where no record holds it.
    one_at_a_time(f"reply:{heard.channel}:{heard.sender}")
    meaning = meaning_of(heard.channel, heard.body)
    reply, is_new = Reply.objects.get_or_create(
        key=heard.key,
        defaults={
            "contact": holder(heard.channel, heard.sender),
            "channel": heard.channel,
            "sender": heard.sender,
            "subject": heard.subject[:200],
            "body": heard.body,
            "meaning": meaning,
            "at": heard.at,
            # A stop is obeyed and told as an alert: nobody has to answer it.
            "read_at": heard.at if meaning else None,
        },
    )
    if is_new and meaning:
        _obey(reply)
    return reply


def _obey(reply: Reply) -> None:
    later = Reply.objects.filter(
        channel=reply.channel, sender=reply.sender, at__gt=reply.at
    ).order_by("-at", "-key")
    last = later.exclude(meaning=Meaning.WORDS).first()
    if reply.meaning == Meaning.STOP:
        if last is None or last.meaning == Meaning.START:
            stop_address(
                reply.channel, reply.sender, source=Source.REPLY, now=reply.at, own_word=True
            )
        if last is not None and last.meaning == Meaning.START:
            take_back_stop(reply.channel, reply.sender, now=last.at)
    elif last is None:
        take_back_stop(reply.channel, reply.sender, now=reply.at)


@transaction.atomic
def recognise(reply: Reply) -> Contact | None:
    """Whom an answer of unknown origin belongs to today; all from that address follow."""
    if reply.contact_id is None and (found := holder(reply.channel, reply.sender)):
        Reply.objects.from_same(reply).update(contact=found)
        return found
    return reply.contact


def forget_strangers(before: datetime) -> None:
    """What nobody's address wrote long ago serves nobody. The stops stay, as hashes."""
    Reply.objects.filter(contact=None, at__lt=before).delete()


def mark_read(replies: QuerySet[Reply]) -> None:
    """The team has seen them."""
    replies.filter(read_at=None).update(read_at=timezone.now())
