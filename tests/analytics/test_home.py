"""The home tells the truth in ten seconds."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.analytics import queries, services, wording
from apps.analytics.models import Morning
from apps.analytics.onboarding import checklist
from apps.campaigns.models import Drop, State
from apps.contacts.models import ConsentState, Contact
from apps.core import chart
from apps.core.actor import Actor
from apps.core.roles import Role
from apps.core.templatetags.french import jour_court
from apps.loyalty.models import Movement
from apps.loyalty.services import add_stamp, undo_stamp
from tests.conftest import ShopClient
from tests.factories import CardFactory, ProgrammeFactory

NOW = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)  # a Friday
TEAM = Actor("team", 1)


def _visit(card, *days_ago, now=NOW):
    for days in sorted(days_ago, reverse=True):
        at = now - timedelta(days=days)
        Movement.objects.create(
            card=card, kind="earn", stamps=1, token=uuid.uuid4(), actor_kind="team", at=at
        )
        contact = Contact.objects.filter(pk=card.contact_id)
        contact.update(visits=card.movements.count(), last_visit_at=at)


def test_day_one_is_all_zero_and_meant(shop):
    home = queries.home(NOW)
    assert (home.people, home.active, home.at_risk, home.redeemed) == (0, 0, 0, 0)
    assert len(home.weeks) == 12
    assert wording.share(home.returned, home.seen) is None
    assert wording.actions(home) == []
    assert wording.greeting(home, "Zoé") == "Bienvenue Zoé."


def test_active_people_are_counted_once_and_against_the_month_before(shop):
    one, two = CardFactory(), CardFactory()
    _visit(one, 1, 3, 40)
    _visit(two, 45)
    home = queries.home(NOW)
    assert (home.active, home.active_before) == (1, 2)
    assert wording.active_change(home).text == "− 50 % sur un mois"


def test_an_undone_stamp_is_no_visit(shop):
    ProgrammeFactory()
    card = CardFactory()
    stamped = add_stamp(card=card, token=uuid.uuid4(), by=TEAM, now=timezone.now())
    assert queries.home(timezone.now() + timedelta(seconds=1)).active == 1
    undo_stamp(movement=stamped.movement, token=uuid.uuid4(), by=TEAM, now=timezone.now())
    home = queries.home(timezone.now() + timedelta(seconds=1))
    assert (home.active, home.this_week) == (0, 0)
    assert not home.has_visits


def test_returning_counts_who_came_again_within_sixty_days(shop):
    back, late, never = CardFactory(), CardFactory(), CardFactory()
    _visit(back, 80, 30)
    _visit(late, 85, 10)
    _visit(never, 70)
    home = queries.home(NOW)
    assert (home.seen, home.returned) == (3, 1)


def test_the_regulars_who_vanished_are_at_risk_with_their_rhythm(shop):
    regular, new, gone = CardFactory(), CardFactory(), CardFactory()
    _visit(regular, 70, 59, 48)
    _visit(new, 60, 50)
    _visit(gone, 300, 250, 200)
    home = queries.home(NOW)
    assert (home.at_risk, home.newly_at_risk, home.rhythm_days) == (1, 1, 11)
    (action,) = wording.actions(home)
    assert action.title == "1 habitué absent depuis 45 jours"
    assert action.detail == "Leur rythme était de 11 jours."


def test_the_link_to_write_to_them_reaches_those_very_people(shop, owner_client):
    now = timezone.now()
    for _ in range(3):
        _visit(CardFactory(contact__agreeing=True), 70, 59, 48, now=now)
    _visit(CardFactory(contact__agreeing=True), 60, 50, now=now)
    home = queries.home(now)
    link = wording.actions(home)[0].link
    response = owner_client.post(*link.split("?")[:1], _fields(link), follow=True)
    assert f'data-people="{home.at_risk}"' in response.content.decode()


def _fields(link):
    pairs = [pair.split("=") for pair in link.split("?")[1].split("&")]
    return {**dict(pairs), "depart": "blank"}


def test_the_greeting_compares_the_same_days_of_other_weeks(shop):
    card = CardFactory()
    for week in (1, 2, 3, 4):
        _visit(card, *[7 * week + 0.2] * 5)
    _visit(card, *[0.01] * 9)
    home = queries.home(NOW)
    assert (home.this_week, home.usual_week) == (9, 5)
    assert wording.greeting(home, "") == "Bonjour, une belle semaine."


def test_weeks_begin_on_monday_in_the_shop_s_own_time(shop):
    card = CardFactory()
    sunday_night = datetime(2026, 11, 15, 23, 30, tzinfo=UTC)  # already Monday in Paris
    _visit(card, 0, now=sunday_night)
    home = queries.home(NOW)
    assert [week.visits for week in home.weeks][-2:] == [0, 1]


def test_pending_consent_is_something_to_do(shop):
    CardFactory(contact__sms_consent=ConsentState.PENDING)
    assert "n’a pas confirmé son accord" in wording.actions(queries.home(NOW))[0].title


def test_the_chart_rounds_its_axis_and_shows_what_is_not_nothing():
    weeks = [chart.Point(n, "") for n in (0, 1, 96, 168)]
    drawn = chart.bars(weeks, width=640, height=236, labels=3)
    assert [tick.value for tick in drawn.ticks] == [0, 50, 100, 150, 200]
    assert [bar.height > 0 for bar in drawn.bars] == [False, True, True, True]
    assert drawn.bars[-1].last


def test_the_chart_s_dates_are_short_as_people_write_them():
    starts = [date(2026, 8, 31), date(2026, 10, 12), date(2026, 12, 1)]
    points = [chart.Point(1, jour_court(day)) for day in starts]
    drawn = chart.bars(points, width=640, height=236, labels=3)
    assert [bar.label for bar in drawn.bars] == ["31 août", "12 oct.", "1er déc."]


@pytest.mark.parametrize(("top", "step"), [(0, 1), (3, 1), (5, 2), (9, 5), (37, 10), (168, 50)])
def test_the_axis_has_at_most_four_round_steps(top, step):
    assert chart.nice_step(top) == step


def test_helpers_go_to_the_counter_and_neighbours_nowhere(helper_client, neighbour_client):
    assert helper_client.get("/gestion/").url == "/comptoir/"
    assert neighbour_client.get("/gestion/").status_code == 403


def test_the_empty_home_teaches(owner_client):
    page = owner_client.get("/gestion/").content.decode()
    assert "0 sur 6" in page or "1 sur 6" in page
    assert "Chaque tampon posé au comptoir" in page
    assert "style=" not in page


def test_steps_are_done_by_facts_or_by_the_owner_s_word(shop, owner_client, member):
    shop.sells_alcohol = None
    shop.save()
    done = {step.key for step in checklist(shop, Role.OWNER).steps if step.done}
    assert done == set()
    ProgrammeFactory()
    member("helper")
    response = owner_client.post("/gestion/etapes/poster/", {"done": "1"})
    assert response.url == "/gestion/"
    shop.refresh_from_db()
    done = {step.key for step in checklist(shop, Role.OWNER).steps if step.done}
    assert done == {"programme", "team", "poster"}
    owner_client.post("/gestion/etapes/poster/", {"done": "0"}, headers={"HX-Request": "true"})
    shop.refresh_from_db()
    assert "poster" not in shop.steps_done


def test_a_step_that_facts_show_is_not_ticked_by_hand(shop, owner_client):
    assert owner_client.post("/gestion/etapes/alcohol/", {"done": "1"}).status_code == 422
    assert owner_client.post("/gestion/etapes/hidden/", {"done": "1"}).status_code == 422


def test_a_step_that_is_the_owner_s_has_no_button_for_a_manager(shop, member):
    manager = ShopClient(shop).enter(member("manager"))
    page = manager.get("/gestion/").content.decode()
    assert "Votre logo et votre couleur" in page
    assert "/gestion/reglages/" not in page, "it would answer 403"
    assert "Garder la couleur proposée" not in page
    assert 'href="/gestion/fidelite/supports/"' in page
    assert manager.post("/gestion/etapes/look/", {"done": "1"}).status_code == 403
    assert manager.post("/gestion/etapes/poster/", {"done": "1"}).status_code == 302


def test_the_checklist_is_put_away_only_when_all_is_done(shop):
    with pytest.raises(services.StepsLeft):
        services.put_away(shop)


def test_forty_thousand_visits_are_read_in_eight_queries(
    shop, owner_client, django_assert_max_num_queries
):
    _many_visits(40_000)
    Drop.objects.create(title="Arrivage", state=State.DONE, launched_at=timezone.now())
    owner_client.get("/gestion/")  # the first look of the day counts the days before
    with django_assert_max_num_queries(10):  # two of them only name the schema
        page = owner_client.get("/gestion/").content.decode()
    assert "Visites par semaine" in page


def _many_visits(visits):
    cards = [CardFactory() for _ in range(40)]
    first = min(card.pk for card in cards)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO loyalty_movement (card_id, kind, stamps, token, actor_kind, at) "
            "SELECT %s + n %% %s, 'earn', 1, gen_random_uuid(), 'team', "
            "now() - n * interval '26 minutes' FROM generate_series(1, %s) AS n",
            [first, len(cards), visits],
        )


def test_a_visit_that_comes_late_counts_in_the_week_it_happened(shop):
    """A till or a phone without signal brings yesterday's stamps after the home was read."""
    card = CardFactory()
    _visit(card, 80, 8)
    before = queries.home(NOW)
    _visit(card, 8, 30)
    home = queries.home(NOW)
    assert [week.visits for week in before.weeks][-2] == 1
    assert [week.visits for week in home.weeks][-2] == 2
    assert (before.returned, home.returned) == (0, 1)


def test_a_stamp_of_before_midnight_undone_after_it_is_no_visit(shop):
    ProgrammeFactory()
    midnight = datetime(2026, 11, 19, 23, tzinfo=UTC)  # in Paris
    before, after = midnight - timedelta(minutes=3), midnight + timedelta(minutes=3)
    stamped = add_stamp(card=CardFactory(), token=uuid.uuid4(), by=TEAM, now=before)
    assert queries.home(midnight + timedelta(minutes=1)).this_week == 1
    undo_stamp(movement=stamped.movement, token=uuid.uuid4(), by=TEAM, now=after)
    assert queries.home(after).this_week == 0


def test_the_past_is_counted_once_a_day_and_anew_the_next(shop, django_assert_num_queries):
    _visit(CardFactory(), 1, 40)
    queries.home(NOW)
    with django_assert_num_queries(2):
        queries.home(NOW + timedelta(minutes=5))
    tomorrow = queries.home(NOW + timedelta(days=1))
    assert tomorrow.active == 1
    assert Morning.objects.get().day == date(2026, 11, 21)


def test_a_shop_that_moves_counts_by_its_new_midnight(shop):
    _visit(CardFactory(), 0.5)
    queries.home(NOW)
    with timezone.override("Indian/Reunion"):
        queries.home(NOW)
        assert Morning.objects.get().zone == "Indian/Reunion"
