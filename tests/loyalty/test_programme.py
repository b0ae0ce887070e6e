"""The rule of the shop: chosen, changed with its effect in numbers, never in the way."""

import re

import pytest

from apps.audit.models import Entry
from apps.loyalty.models import Programme
from apps.loyalty.queries import programme_chosen
from tests.factories import CardFactory, ProgrammeFactory

RULE = {
    "kind": "stamps",
    "goal": 8,
    "reward": "Un café offert",
    "cooldown_minutes": 15,
    "helper_hourly_limit": 40,
}
PATH = "/gestion/fidelite/"


def text(response):
    return " ".join(response.content.decode().split())


def plain(page):
    """Without its tags."""
    page = page if isinstance(page, str) else text(page)
    return " ".join(re.sub("<[^>]+>", "", page).split())


def test_a_new_shop_has_not_chosen_and_looking_does_not_choose(owner_client, shop):
    assert "Choisir cette règle" in text(owner_client.get(PATH))
    assert not programme_chosen()


def test_the_rule_is_chosen_and_leaves_a_trail(owner_client, owner, shop):
    assert owner_client.post(PATH, RULE).status_code == 302
    assert programme_chosen()
    assert Programme.objects.get().reward == "Un café offert"
    entry = Entry.objects.get(verb="set_programme")
    assert (entry.actor_id, entry.before, entry.after["goal"]) == (owner.pk, None, 8)


@pytest.mark.parametrize(
    ("field", "value"), [("goal", 1), ("goal", 21), ("reward", ""), ("helper_hourly_limit", 0)]
)
def test_a_rule_that_cannot_be_is_refused_and_kept_on_screen(owner_client, shop, field, value):
    answer = owner_client.post(PATH, {**RULE, field: value})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in text(answer)
    assert not programme_chosen()


def test_a_lowered_goal_says_how_many_cards_before_it_is_saved(owner_client, shop):
    ProgrammeFactory(goal=10)
    for balance in (7, 8, 9):
        CardFactory(balance=balance)
    asked = owner_client.post(PATH, RULE)
    assert "2 auront atteint la récompense" in plain(asked)
    assert "3 cartes converties" in plain(asked)
    assert Programme.objects.get().goal == 10
    agreed = {**RULE, "agreed": "stamps:8", "fate": "keep"}
    assert owner_client.post(PATH, {**agreed, "agreed": "stamps:9"}).status_code == 422
    assert owner_client.post(PATH, agreed).status_code == 302
    assert Programme.objects.get().goal == 8


def test_the_preview_draws_the_card_of_what_is_typed(owner_client, shop):
    ProgrammeFactory(goal=10)
    CardFactory(balance=9)
    page = text(owner_client.get(f"{PATH}apercu/", RULE, HTTP_HX_REQUEST="true"))
    assert page.count('class="hole') == 8
    assert "Un café offert" in page
    assert "1 aura atteint la récompense" in plain(page)
    assert 'hx-swap-oob="innerHTML:#effect"' in page
    assert "<html" not in page
    half = owner_client.get(f"{PATH}apercu/", {"goal": "", "reward": ""})
    assert half.status_code == 200


def test_a_shop_without_alcohol_is_not_asked_about_it(owner_client, shop):
    assert "reward_is_alcohol" in text(owner_client.get(PATH))
    shop.sells_alcohol = False
    shop.save()
    assert "reward_is_alcohol" not in text(owner_client.get(PATH))
    assert owner_client.post(PATH, RULE).status_code == 302


def test_a_helper_and_a_neighbour_do_not_set_the_rule(helper_client, neighbour_client, shop):
    for client in (helper_client, neighbour_client):
        assert client.get(PATH).status_code == 403
        assert client.post(PATH, RULE).status_code == 403
    assert not programme_chosen()
