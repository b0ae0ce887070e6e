"""``verify_cards``: what the cards show is what their ledgers come to, in every shop."""

from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.core.actor import SYSTEM
from apps.core.tenancy import in_schema
from apps.loyalty.importing import import_stamps
from apps.loyalty.models import Card
from apps.loyalty.verifying import prove_cards
from tests.factories import CardFactory, ProgrammeFactory


@pytest.fixture
def card(shop):
    ProgrammeFactory(goal=10)
    card = CardFactory()
    import_stamps(card, 27, token=uuid4(), by=SYSTEM, now=timezone.now())
    return card


def test_cards_that_add_up_are_proven_with_one_statement(card, django_assert_num_queries):
    with django_assert_num_queries(1):
        proof = prove_cards()
    assert (proof.cards, proof.lines, proof.wrong, proof.first) == (1, 3, 0, [])


@pytest.mark.parametrize("slip", [{"balance": 8}, {"rewards_ready": 1}])
def test_a_card_that_shows_something_else_is_named_and_the_command_fails(card, slip, capsys):
    Card.objects.filter(pk=card.pk).update(**slip)
    with pytest.raises(CommandError, match="1 cartes"):
        call_command("verify_cards")
    assert f"n° {card.number}" in capsys.readouterr().err


def test_the_neighbours_cards_are_proven_too(card, other_shop, capsys):
    call_command("verify_cards")
    assert "1 cartes, 3 mouvements" in capsys.readouterr().out
    with in_schema(other_shop.schema_name):
        CardFactory(balance=3)
    with pytest.raises(CommandError):
        call_command("verify_cards")
    assert other_shop.slug in capsys.readouterr().err
