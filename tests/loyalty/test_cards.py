"""Cards for many people at once: one each, the next numbers, whoever else makes some meanwhile."""

import pytest
from django.utils import timezone

from apps.loyalty.models import Card
from apps.loyalty.services import FIRST_NUMBER, card_of, give_cards
from tests.factories import CardFactory, ContactFactory

pytestmark = pytest.mark.django_db


def test_who_has_none_gets_the_next_number_and_the_others_keep_theirs(shop):
    known = CardFactory(number=FIRST_NUMBER + 4)
    newcomers = ContactFactory.create_batch(3)
    give_cards([known.contact_id, *[person.pk for person in newcomers]], timezone.now())
    numbers = Card.objects.order_by("contact").values_list("number", flat=True)
    assert list(numbers) == [FIRST_NUMBER + n for n in (4, 5, 6, 7)]
    assert len(set(Card.objects.values_list("token", flat=True))) == 4


def test_once_all_have_theirs_it_is_one_statement(shop, django_assert_num_queries):
    people = [card.contact_id for card in CardFactory.create_batch(5)]
    with django_assert_num_queries(1):
        give_cards(people, timezone.now())


def test_two_lists_and_the_counter_at_once_make_one_card_each(committed):
    """Where they overlap, each list wants numbers that the other holds, and people too."""
    (people,) = committed(lambda _: ContactFactory.create_batch(400), 1)

    def make(turn):
        if turn < 2:
            give_cards([person.pk for person in people[turn * 100 :]], timezone.now())
        else:
            for person in people[::10]:
                card_of(person)

    committed(make, *range(3))
    (made,) = committed(lambda _: list(Card.objects.values_list("contact", "number")), 1)
    assert sorted(contact for contact, _number in made) == [person.pk for person in people]
    assert len({number for _contact, number in made}) == len(people)
