"""Where customers come across the club: on their card, at the shop's door, under each page."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.club import showing
from apps.club.models import Member, State
from apps.club.services import planning
from apps.core.actor import SYSTEM
from apps.loyalty.services import card_of
from apps.payments.models import ShopAccount
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db
TO_JOIN = 'class="sheet refer" href="/club/"'
MINE = "Membre du club"


@pytest.fixture
def plan(account, make_plan):
    return make_plan()


@pytest.fixture
def card(shop):
    return card_of(ContactFactory(first_name="Camille"))


def read(visitor, path):
    showing.forget_known()
    return visitor.get(path).content.decode()


def test_a_club_stands_on_the_card_at_the_door_and_under_each_page(visitor, plan, card):
    assert TO_JOIN in read(visitor, f"/c/{card.token}/")
    assert TO_JOIN in read(visitor, "/")
    assert '<a href="/club/">Le club</a>' in read(visitor, "/donnees-personnelles/")


def test_where_nobody_can_join_nothing_is_said_of_it(visitor, plan, card):
    planning.close_plan(plan, by=SYSTEM, now=timezone.now())
    for path in (f"/c/{card.token}/", "/", "/donnees-personnelles/"):
        assert "/club/" not in read(visitor, path)
    planning.open_plan(plan, by=SYSTEM)
    ShopAccount.objects.update(takes_cards=False)
    assert "/club/" not in read(visitor, "/")


def test_the_card_of_who_belongs_leads_to_their_own_page_whatever_is_open(visitor, lea):
    own = card_of(lea.contact)
    planning.close_plan(lea.plan, by=SYSTEM, now=timezone.now())
    page = read(visitor, f"/c/{own.token}/")
    assert MINE in page
    assert f'href="/club/m/{lea.token}/"' in page
    stranger = card_of(ContactFactory())
    assert MINE not in read(visitor, f"/c/{stranger.token}/")


def test_a_membership_is_found_under_a_record_that_was_merged(visitor, lea):
    stays = card_of(ContactFactory())
    lea.contact.merged_into = stays.contact
    lea.contact.save()
    assert f'href="/club/m/{lea.token}/"' in read(visitor, f"/c/{stays.token}/")


@pytest.mark.parametrize("state", [State.JOINING, State.GIVEN, State.ENDED])
def test_who_has_not_begun_has_left_or_gave_it_away_is_no_member(visitor, lea, state):
    ended_at = timezone.now() if state == State.ENDED else None
    Member.objects.filter(pk=lea.pk).update(state=state, ended_at=ended_at)
    assert MINE not in read(visitor, f"/c/{card_of(lea.contact).token}/")


def test_the_card_pays_one_statement_more_where_the_club_has_members(visitor, lea, card):
    path = f"/c/{card.token}/"
    visitor.get(path)
    with CaptureQueriesContext(connection) as asked:
        visitor.get(path)
    assert len(asked) == 3
    Member.objects.update(state=State.JOINING)
    read(visitor, path)
    with CaptureQueriesContext(connection) as asked:
        visitor.get(path)
    assert len(asked) == 2, "what is open is looked up now and then"
