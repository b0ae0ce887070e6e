"""« À vérifier »: a line a cause, a tap to undo it, a list that only grows by what is new."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.audit.models import Entry
from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.review import kinds, services
from apps.review.models import Case
from apps.review.services import find_fine, gather, note
from tests.conftest import ShopClient
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db
PATH = "/gestion/fidelite/a-verifier/"
NOW = timezone.now()
OWNER = Actor("team", 7)


class Odd(kinds.Kind):
    """A sort of line as a room above would add it."""

    name, label = "odd", "Étrange"

    def sentence(self, case, names):
        return f"{names.who} et {names.whom} : étrange."

    def undoing(self, case, now):
        return "Défaire"

    def undo(self, case, *, by, now):
        if case.facts.get("stays"):
            raise Refusal("Cela ne se défait plus.")
        undone.append(case.pk)
        return "C’est défait."


undone: list[int] = []


@pytest.fixture(autouse=True)
def _one_sort(monkeypatch):
    undone.clear()
    monkeypatch.setattr(kinds, "every", lambda: {"odd": Odd()})


@pytest.fixture
def case(shop):
    note("odd", 1, at=NOW, contact=ContactFactory(first_name="Zoé", last_name="Petit"))
    return Case.objects.get()


def tap(client, case, act="normal", **headers):
    return client.post(f"{PATH}{case.pk}/", {"acte": act}, headers=headers)


def text(answer):
    return answer.content.decode()


def test_what_is_told_again_adds_nothing(case):
    assert note("odd", 1, at=NOW + timedelta(hours=1)) is False
    assert note("odd", 2, at=NOW) is True
    assert Case.objects.count() == 2


def test_what_comes_many_at_a_time_is_one_line_that_grows_until_it_is_decided(shop):
    gather("odd", "7:mardi", [1, 2], at=NOW, many=2)
    gather("odd", "7:mardi", [2, 3], at=NOW + timedelta(minutes=1), many=1)
    line = Case.objects.get()
    assert (line.facts, line.at) == ({"stamps": [1, 2, 3], "many": 2}, NOW + timedelta(minutes=1))
    find_fine(line.pk, by=OWNER, now=NOW)
    gather("odd", "7:mardi", [1, 3], at=NOW, many=9)
    gather("odd", "7:mardi", [3, 4], at=NOW, many=2)
    assert [one.facts["stamps"] for one in Case.objects.order_by("pk")] == [[1, 2, 3], [4]]


def test_two_jobs_at_once_tell_one_line(committed):
    committed(lambda stamp: gather("odd", "7:mardi", [stamp], at=NOW, many=stamp), *range(6))
    (line,) = committed(lambda _: Case.objects.get(), None)
    assert sorted(line.facts["stamps"]) == list(range(6))
    assert line.facts["many"] == 5


def test_the_menu_counts_only_when_there_is_something(owner_client, case):
    assert "à vérifier</span>" in text(owner_client.get("/gestion/equipe/"))
    find_fine(case.pk, by=OWNER, now=NOW)
    assert "à vérifier</span>" not in text(owner_client.get("/gestion/equipe/"))


def test_it_is_normal_and_the_line_is_among_those_decided(owner_client, owner, case):
    assert "Zoé Petit" in text(owner_client.get(PATH))
    answer = tap(owner_client, case)
    assert (answer.status_code, answer["Location"]) == (302, PATH)
    assert "Zoé Petit" not in text(owner_client.get(PATH))
    decided = text(owner_client.get(PATH, {"etat": "vu"}))
    assert "Zoé Petit" in decided
    assert f"décidé par {owner.get_short_name()}" in decided
    assert undone == []
    assert Entry.objects.filter(verb="review.fine", actor_id=owner.pk).count() == 1


def test_one_tap_undoes_and_a_second_one_changes_nothing(owner_client, case):
    done = tap(owner_client, case, "annuler", hx_request="true")
    assert "C’est défait." in text(done)
    assert "Zoé Petit" not in text(done)
    assert tap(owner_client, case, "annuler", hx_request="true").status_code == 200
    tap(owner_client, case)
    case.refresh_from_db()
    assert (undone, case.decision) == ([case.pk], "undone")


def test_two_taps_at_once_undo_once(committed):
    (_,) = committed(lambda _: note("odd", 1, at=NOW), None)
    (line,) = committed(lambda _: Case.objects.get().pk, None)
    told = committed(lambda _: services.undo(line, by=OWNER, now=NOW), *range(4))
    assert sorted(told) == ["", "", "", "C’est défait."]
    assert len(undone) == 1


def test_what_cannot_be_undone_says_why_and_stays(owner_client, case):
    Case.objects.update(facts={"stays": True})
    answer = tap(owner_client, case, "annuler", hx_request="true")
    assert answer.status_code == 409
    assert "Cela ne se défait plus." in text(answer)
    assert "Zoé Petit" in text(answer)


def test_a_line_that_only_tells_is_not_undone(owner_client, case, monkeypatch):
    class Told(Odd):
        undoing, undo = kinds.Kind.undoing, kinds.Kind.undo

    monkeypatch.setattr(kinds, "every", lambda: {"odd": Told()})
    assert "Défaire" not in text(owner_client.get(PATH))
    answer = tap(owner_client, case, "annuler")
    assert answer.status_code == 409
    assert "rien à annuler" in text(answer)
    case.refresh_from_db()
    assert case.decision == ""


def test_without_javascript_the_filter_stays(owner_client, case):
    answer = owner_client.post(f"{PATH}{case.pk}/?genre=odd", {"acte": "normal"})
    assert answer["Location"] == f"{PATH}?genre=odd"


def test_the_list_is_filtered_by_sort_and_by_person(owner_client, helper, case):
    note("odd", 2, at=NOW, actor_id=helper.pk)
    shown = text(owner_client.get(PATH, {"par": helper.pk, "genre": "odd"}))
    assert f"{helper.get_short_name()} et " in shown
    assert "Zoé Petit" not in shown
    assert "Rien de ce genre" in text(owner_client.get(PATH, {"par": 987654}))


def test_nothing_to_look_at_says_what_would_stand_there(owner_client):
    assert "Rien à vérifier" in text(owner_client.get(PATH))


def test_who_was_merged_is_called_by_the_name_of_today(owner_client, case):
    into = ContactFactory(first_name="Inès", last_name="Roux")
    case.contact.merged_into = into
    case.contact.save()
    assert "Inès Roux" in text(owner_client.get(PATH))


def test_a_helper_and_the_neighbour_see_nothing_of_it(helper_client, neighbour_client, case):
    for client in (helper_client, neighbour_client):
        assert client.get(PATH).status_code == 403
        assert tap(client, case).status_code == 403
    case.refresh_from_db()
    assert case.decision == ""


def test_the_list_leaves_as_a_table(owner_client, case):
    answer = owner_client.get(f"{PATH}liste.csv")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0].split(";")[:3] == ["Le", "Genre", "Ce qui s’est passé"]
    assert "Zoé Petit" in lines[1]


def test_many_lines_cost_as_few_queries_as_one(owner_client, django_assert_max_num_queries):
    for number in range(40):
        note("odd", number, at=NOW, contact=ContactFactory(), actor_id=number, device=number)
    with django_assert_max_num_queries(11):
        owner_client.get(PATH)


def test_another_shop_has_its_own_list(case, other_shop):
    stranger = ShopClient(other_shop)
    assert stranger.get(PATH).status_code in {302, 403}
