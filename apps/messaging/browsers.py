"""Browsers that take a person's notifications, and ``Contact.push`` in step with them.

Its name stays while browsers come and go: a message that waits would lose its address.
"""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.contacts.models import Contact
from apps.core.tokens import new_token
from apps.core.webpush import Subscription
from apps.messaging.models import Browser

MOST = 4  # of one person: the slowest answers of so many fit into ``outbox.STUCK``


@transaction.atomic
def take(contact: Contact, to: Subscription, now: datetime) -> None:
    """That browser is this person's from now on, and nobody else's; the oldest beyond ``MOST``
    is let go."""
    before = Browser.objects.filter(endpoint=to.endpoint).values("contact")
    people = _locked(Q(pk=contact.pk) | Q(pk__in=before))
    said = {**asdict(to), "contact": contact, "since": now}
    Browser.objects.update_or_create(endpoint=to.endpoint, defaults=said)
    own = Browser.objects.filter(contact=contact)
    surplus = own.order_by("-since", "-pk").values_list("pk", flat=True)[MOST:]
    own.filter(pk__in=list(surplus)).delete()
    Contact.objects.filter(pk=contact.pk, push="").update(push=new_token(), push_proven_at=now)
    _keep_in_step(people)


@transaction.atomic
def forget(browsers: "QuerySet[Browser]") -> None:
    """Nothing more is left for these."""
    people = _locked(Q(pk__in=set(browsers.values_list("contact", flat=True))))
    browsers.delete()
    _keep_in_step(people)


def _locked(who: Q) -> list[int]:
    found = Contact.objects.filter(who).order_by("pk").select_for_update(no_key=True)
    return [person.pk for person in found.only("pk")]


def _keep_in_step(people: Iterable[int]) -> None:
    left = Exists(Browser.objects.filter(contact=OuterRef("pk")))
    without = Contact.objects.filter(~left, pk__in=people)
    without.exclude(push="").update(push="", push_proven_at=None)
