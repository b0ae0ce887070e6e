"""The team answers what somebody wrote."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Contact, Source
from apps.contacts.services import add_contact, read_phone
from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.core.trail import record
from apps.messaging.channels import sending
from apps.messaging.models import Kind, Message, Reply
from apps.messaging.replies import mark_read, recognise
from apps.messaging.services import post
from apps.messaging.window import open_until
from apps.shops.models import Shop

LONGEST = 1000


class NothingWritten(Refusal):
    message = _("Écrivez votre réponse.")
    status = 422


class TooLong(Refusal):
    message = _("Votre réponse est trop longue : %(most)s signes au plus.")
    status = 422


class WindowClosed(Refusal):
    message = _(
        "WhatsApp ne laisse répondre librement que dans les 24 heures qui suivent un message de "
        "la personne. Appelez-la, ou écrivez-lui par un autre canal ; dès qu’elle vous réécrit, "
        "vous pourrez répondre ici."
    )
    status = 409


def may_answer_until(reply: Reply, now: datetime) -> datetime | None:
    """Until when the person may be answered where they wrote; None once it is too late."""
    return open_until(reply.channel, [reply.sender], now).get(reply.sender)


def person_of(reply: Reply, shop: Shop) -> Contact:
    """Who wrote it; whoever is in no record gets one, with this address and no agreement."""
    found = recognise(reply)
    if found is not None:
        return found
    by_phone = sending(reply.channel).address == "phone"
    made = add_contact(
        phone=read_phone(reply.sender, shop.region) if by_phone else None,
        email="" if by_phone else reply.sender,
        source=Source.REPLY,
    ).contact
    recognise(reply)
    return made


@transaction.atomic
def answer(reply: Reply, text: str, *, shop: Shop, token: UUID, by: Actor) -> Message | None:
    """Write back to where ``reply`` came from, by the same channel; the same ``token`` again is
    None. An answer is no advertising: it leaves at once, whatever the hour and the cap. Raises
    ``NothingWritten``, ``TooLong``, ``WindowClosed``.
    """
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise NothingWritten()
    if len(text) > LONGEST:
        raise TooLong(most=LONGEST)
    if may_answer_until(reply, timezone.now()) is None:
        raise WindowClosed()
    person = person_of(reply, shop)
    message = post(
        contact=person,
        channel=reply.channel,
        kind=Kind.SERVICE,
        cause=f"answer:{token}",
        to=reply.sender,
        subject=_subject(reply, shop) if sending(reply.channel).has_subject else "",
        body=text,
    )
    if message is not None:
        record(by, "reply.answered", "contact", person.pk, after={"message": message.pk})
        mark_read(Reply.objects.of(person).filter(at__lte=timezone.now()))
    return message


def _subject(reply: Reply, shop: Shop) -> str:
    subject = reply.subject or str(_("Votre message à %(shop)s") % {"shop": shop.name})
    return (subject if subject.lower().startswith("re:") else f"Re: {subject}")[:200]
