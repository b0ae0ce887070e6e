"""A shop overseas lives by its own clock, and its neighbour by theirs."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.analytics import queries
from apps.campaigns import services
from apps.core import jobs
from apps.core.actor import Actor
from apps.loyalty.services import add_stamp
from apps.shops.models import Region
from tests.conftest import ShopClient
from tests.factories import CardFactory, ProgrammeFactory

pytestmark = pytest.mark.django_db
clocks: list[str] = []


def note_the_clock() -> None:
    clocks.append(timezone.get_current_timezone_name())


@pytest.fixture
def shop(shop):
    """The wine merchant, moved to La Réunion: four hours ahead of UTC."""
    shop.region = Region.RE
    shop.save(update_fields=["region"])
    return shop


def test_the_hour_typed_and_shown_is_the_shop_s(shop, owner_client):
    ProgrammeFactory()
    drop = services.create(Actor("team", 1), written={"use_email": False, "sms_text": "Bonjour"})
    words = {"title": "Arrivage", "use_sms": "on", "sms_text": "Bonjour", "fallback": "vous"}
    at = {"when": "later", "send_at": "2027-03-02T10:00"}
    owner_client.post(reverse("drop_save", args=[drop.pk]), {**words, **at})
    drop.refresh_from_db()
    assert drop.send_at == datetime(2027, 3, 2, 6, 0, tzinfo=UTC)
    page = owner_client.get(reverse("drop", args=[drop.pk])).content.decode()
    assert 'value="2027-03-02T10:00"' in page


def test_a_request_for_the_mainland_shop_does_not_inherit_the_island_s_clock(
    shop, other_shop, owner_client
):
    owner_client.get("/")
    assert timezone.get_current_timezone_name() == "Indian/Reunion"
    ShopClient(other_shop).get("/")
    assert timezone.get_current_timezone_name() == "Europe/Paris"


def test_the_week_begins_at_the_island_s_midnight(shop):
    sunday_in_paris = datetime(2026, 11, 15, 20, 30, tzinfo=UTC)  # Monday 00:30 there
    ProgrammeFactory()
    add_stamp(card=CardFactory(), token=uuid4(), by=Actor("team", 1), now=sunday_in_paris)
    friday = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
    with timezone.override(shop.zone):
        weeks = queries.home(friday).weeks
    assert [week.visits for week in weeks][-2:] == [0, 1]


def test_a_job_runs_by_the_clock_of_its_shop_and_leaves_none_behind(shop, other_shop):
    for schema in (shop.schema_name, other_shop.schema_name, "public"):
        jobs.run(schema, "tests.shops.test_clock.note_the_clock")
    assert clocks == ["Indian/Reunion", "Europe/Paris", "Europe/Paris"]
    assert timezone.get_current_timezone_name() == "Europe/Paris"
