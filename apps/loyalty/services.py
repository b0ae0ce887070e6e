"""Cards, stamps and rewards: the verbs of the counter."""

from django.db import IntegrityError, transaction
from django.db.models import Max

from apps.contacts.models import Contact
from apps.loyalty.models import Card, Programme

FIRST_NUMBER = 1001


def the_programme() -> Programme:
    """The shop's rule; a shop that has not chosen yet stamps ten for « Une surprise »."""
    found = Programme.objects.first()
    if found is None:
        found, _ = Programme.objects.get_or_create(only=True, defaults={"reward": "Une surprise"})
    return found


def card_of(contact: Contact) -> Card:
    """The person's card, made with the next number when there is none. Safe in parallel."""
    for _ in range(20):
        found = Card.objects.filter(contact=contact).first()
        if found is not None:
            return found
        last = Card.objects.aggregate(last=Max("number"))["last"]
        try:
            with transaction.atomic():
                return Card.objects.create(contact=contact, number=(last or FIRST_NUMBER - 1) + 1)
        except IntegrityError:
            continue  # someone else took the number, or made this person's card
    raise RuntimeError("no card number was free twenty times in a row")
