"""Two records that the team knows to be one person: found, compared, made one."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.loyalty.merging import lock_people, merge_records
from apps.loyalty.models import Card

LOOK_ALIKES = 8


class NotTwo(Refusal):
    """Both are the same record, or one of them was joined to another meanwhile."""

    message = _("Ces deux fiches n’en font déjà plus qu’une, ou l’une d’elles vient de changer.")


@dataclass(frozen=True, slots=True)
class Holding:
    """A record and its card, if it has one."""

    contact: Contact
    card: Card | None

    @classmethod
    def of(cls, contact: Contact) -> "Holding":
        return cls(contact, Card.objects.filter(contact=contact).first())


def look_alikes(contact: Contact, text: str = "") -> list[Contact]:
    """Who may be the same person: by what was typed, or else by the name; nobody without
    either. One query."""
    asked = text.strip() or contact.full_name
    found = Contact.objects.matching(asked).exclude(pk=contact.pk).select_related("card")
    return list(found.order_by("-last_visit_at", "pk")[:LOOK_ALIKES])


@transaction.atomic
def merge_people(kept: Contact, other: Contact, *, by: Actor, now: datetime) -> Holding:
    """``kept`` with all that ``other`` had, whose links lead to it from now on. Raises ``NotTwo``.

    Once only, whoever asks at the same time: both records are locked and looked at again.
    """
    if kept.pk == other.pk:
        raise NotTwo
    kept, other = lock_people(kept, other)
    if kept.merged_into_id or other.merged_into_id:
        raise NotTwo
    return Holding.of(merge_records(other, kept, by=by, now=now))


def foresee(kept: Contact, other: Contact, *, by: Actor, now: datetime) -> Holding:
    """What ``merge_people`` would come to, to the last stamp: done for real and taken back."""
    with transaction.atomic():
        after = merge_people(kept, other, by=by, now=now)
        transaction.set_rollback(True)
    return after
