"""Two records of one person become one: their membership goes on, by the address that is left."""

import pytest
from django.utils import timezone

from apps.audience.merging import merge_people
from apps.club import queries
from apps.club.contract import reference_of
from apps.club.services import leaving
from apps.core.actor import SYSTEM
from apps.messaging.models import Message
from tests.club.conftest import again
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db
LEFT = "lea.durand@exemple.fr"


@pytest.fixture
def merged(lea):
    """Léa's record went into an older one of hers, which has another e-mail."""
    older = ContactFactory(first_name="Léa", last_name="Durand", email=LEFT)
    merge_people(older, lea.contact, by=SYSTEM, now=timezone.now())
    return again(lea)


def test_her_page_is_opened_by_a_code_sent_to_the_address_that_is_left(merged, visitor):
    path = f"/club/m/{merged.token}/"
    assert "l•••@exemple.fr" in visitor.get(path).text
    visitor.post(f"{path}code/", {"canal": "email"})
    assert Message.objects.filter(cause__startswith="club-code").latest("pk").to == LEFT


def test_she_may_leave_and_it_is_acknowledged(merged, visitor):
    said = {"name": "Léa Durand", "email": LEFT, "reference": reference_of(merged)}
    key = "6b1b54a5-0000-4000-8000-0123456789ab"
    visitor.post("/club/resilier/", {**said, "key": key, "etape": "confirmer"})
    assert leaving.standing(merged, "cancel")
    assert Message.objects.filter(cause__startswith="club-leaving").latest("pk").to == LEFT


def test_the_team_finds_her_by_the_name_she_has_now(merged):
    assert list(queries.members("", None, "durand")) == [merged]
    assert queries.members("", None, "").get().called == "Léa Durand"
