"""The shop's rule as it stands, and people's cards."""

from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from apps.contacts.models import Contact
from apps.core.reading import columns, instance, one
from apps.core.rows import insert_selected
from apps.core.tenancy import one_at_a_time
from apps.core.tokens import new_token
from apps.loyalty.models import Card, Programme
from apps.loyalty.rule import months_later

FIRST_NUMBER = 1001


def default_programme() -> Programme:
    """What a shop that has not chosen yet stamps for; not stored."""
    return Programme(reward="Une surprise")


def the_programme() -> Programme:
    """The shop's rule; a shop that has not chosen yet stamps ten for « Une surprise »."""
    return Programme.objects.first() or default_programme()


def first_look(programme: Programme, seen_at: datetime) -> date:
    """The first day on which the clock may change a card that was seen last at ``seen_at``: its
    visit leaves the twelve months, or its balance is over."""
    lapses = months_later(timezone.localdate(seen_at), 12) + timedelta(days=1)
    return min(lapses, programme.balance_expires(seen_at) or lapses)


def card_of(contact: Contact) -> Card:
    """The person's card, made with the next number when there is none. Safe in parallel."""
    return Card.objects.filter(contact=contact).first() or first_card_of(contact)


_NEXT_CARD = f"""
INSERT INTO loyalty_card AS card (contact_id, number, token, balance, rewards_ready, created_at)
SELECT %s, coalesce(max(number) + 1, {FIRST_NUMBER}), %s, 0, 0, %s FROM loyalty_card
ON CONFLICT DO NOTHING RETURNING {columns(Card, "card")}
"""


def first_card_of(contact: Contact) -> Card:
    """``card_of`` somebody who has none yet, as far as one knows."""
    for _attempt in range(20):
        row = one(_NEXT_CARD, [contact.pk, new_token(), timezone.now()])
        if row is not None:
            made: Card = instance(Card, row)
            made.contact = contact
            return made
        # Who was faster has committed: they took the number, or made this person's card.
        found = Card.objects.filter(contact=contact).first()
        if found is not None:
            return found
    raise RuntimeError("no card number was free twenty times in a row")


_WITHOUT = """
SELECT id FROM unnest(%s::bigint[]) WITH ORDINALITY AS person (id, place)
WHERE NOT EXISTS (SELECT FROM loyalty_card AS card WHERE card.contact_id = person.id)
ORDER BY place
"""
_NEXT_NUMBERS = f"""
FROM unnest(%s::bigint[], %s::text[]) WITH ORDINALITY AS person (id, token, place)
CROSS JOIN (SELECT coalesce(max(number), {FIRST_NUMBER - 1}) AS last FROM loyalty_card) AS cards
ORDER BY place
"""


@transaction.atomic(savepoint=False)
def give_cards(people: list[int], now: datetime) -> None:
    """A card with the next number to each of these contacts who has none; one statement when all
    have theirs. The numbers follow the order of the list. Safe in parallel."""
    if not _without_card(people):
        return
    # Two lists at once would deadlock: each holds a number that the other wants for a person, and
    # a person whom the other wants a number for. The counter makes one card and never holds one
    # while it waits for another.
    one_at_a_time("cards")
    for _attempt in range(20):
        missing = _without_card(people)
        if not missing:
            return
        # Left out: numbers that somebody at the counter took meanwhile. Next turn.
        insert_selected(
            Card,
            {"contact_id": "person.id", "number": "last + place", "token": "person.token"},
            {"created_at": now},
            _NEXT_NUMBERS,
            [missing, [new_token() for _ in missing]],
        )
    raise RuntimeError("no card numbers were free twenty times in a row")


def _without_card(people: list[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_WITHOUT, [people])
        return [pk for (pk,) in cursor.fetchall()]
