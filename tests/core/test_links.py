"""A connection is kept, looked at before it is used again, and renewed once it remembers enough."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, ProgrammingError, connections, transaction
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from apps.core.jobs import run
from apps.core.postgres.base import DatabaseWrapper
from apps.core.tenancy import database, in_schema
from apps.shops.models import Shop
from apps.shops.services import every_open_shop

pytestmark = pytest.mark.django_db(databases=["default", "owner"])
WHO = "SELECT pg_backend_pid()"


@pytest.fixture
def most(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection may remember more than two schemas."""
    monkeypatch.setitem(database().settings_dict, "MAX_SCHEMAS", 2)


@pytest.fixture
def link(shop: Shop) -> Iterator[DatabaseWrapper]:
    """The connection as a thread of the server has it: its own, outside the test's transaction."""
    of_the_test, own = connections["default"], connections.create_connection("default")
    connections["default"] = own
    yield own
    connections["default"] = of_the_test
    own.close()


def ask(link: DatabaseWrapper, question: str = WHO) -> object:
    with link.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def beside(question: str, *values: object) -> object:
    """Asked by somebody else, on a connection of their own."""
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute(question, values)
        answer = cursor.fetchone()[0]
    other.close()
    return answer


def cut(backend: object) -> None:
    """As an administrator does, or a restart; returns when the backend is gone."""
    assert beside("SELECT pg_terminate_backend(%s, 5000)", backend)


def test_a_connection_that_met_too_many_schemas_is_renewed_between_requests(link, most):
    first = ask(link)
    link.set_schema("s_un")
    assert ask(link) == first
    link.close_if_unusable_or_obsolete()
    assert ask(link) == first  # public and a shop: as many as it may
    link.set_schema("s_deux")
    assert ask(link) == first  # one more, but this request goes on
    link.close_if_unusable_or_obsolete()
    second = ask(link)
    assert second != first
    assert ask(link, "SHOW search_path") == "s_deux, public"
    link.close_if_unusable_or_obsolete()
    assert ask(link) == second


def test_it_is_never_renewed_in_a_transaction(link, most):
    with transaction.atomic():
        first = ask(link)
        for name in ("s_un", "s_deux", "s_trois"):
            link.set_schema(name)
            link.close_if_unusable_or_obsolete()
            assert ask(link) == first
    link.close_if_unusable_or_obsolete()
    assert ask(link) != first


def look_around(other: str) -> None:
    here = database()
    seen.append(ask(here))
    with in_schema(other):
        seen.append(ask(here))
    seen.append(ask(here))


seen: list[object] = []


def test_a_job_keeps_its_connection_to_its_end(link, most, shop, other_shop):
    seen.clear()
    for _ in range(2):
        link.close_if_unusable_or_obsolete()  # as django-q2 does before each job
        run(shop.schema_name, f"{__name__}.look_around", other_shop.schema_name)
    first, second = seen[:3], seen[3:]
    assert len(set(first)) == len(set(second)) == 1
    assert first[0] != second[0]


def test_who_goes_round_all_shops_has_a_fresh_connection_now_and_then(link, monkeypatch):
    monkeypatch.setitem(link.settings_dict, "MAX_SCHEMAS", 1)
    link.set_schema_to_public()
    met = [
        (shop.schema_name, ask(link, "SELECT current_schema()"), ask(link))
        for shop in every_open_shop()
    ]
    assert len(met) >= 2
    assert all(schema == stood for schema, stood, _ in met)
    assert len({backend for *_, backend in met}) == len(met)
    assert ask(link, "SELECT current_schema()") == "public"


def test_looking_whether_it_lives_costs_no_statement(link):
    backend = ask(link)
    last = "SELECT query || state_change FROM pg_stat_activity WHERE pid = %s"
    before = beside(last, backend)
    link.close_if_unusable_or_obsolete()
    link.close_if_health_check_failed()
    assert link.health_check_done
    assert beside(last, backend) == before
    assert ask(link) == backend


def told(link: DatabaseWrapper, schema: str) -> list[str]:
    """The statements of one more question asked in ``schema``."""
    link.set_schema(schema)
    with CaptureQueriesContext(link) as statements:
        ask(link)
    return [one["sql"] for one in statements]


def test_who_stays_in_a_schema_is_not_sent_there_again(link):
    assert len(told(link, "s_un")) == 2
    assert told(link, "s_un") == [WHO]
    assert len(told(link, "s_deux")) == 2
    link.close()
    assert len(told(link, "s_deux")) == 2


def test_a_step_that_a_failed_transaction_took_back_is_taken_again(link):
    """COMMIT of a transaction that has failed is a rollback, and says nothing of it."""
    ask(link)
    link.set_autocommit(False)
    link.set_schema("s_un")
    with pytest.raises(ProgrammingError):
        ask(link, "SELECT nothing")
    link.commit()
    link.set_autocommit(True)
    link.set_schema("s_un")
    assert ask(link, "SHOW search_path") == "s_un, public"


def test_a_connection_that_was_cut_meanwhile_is_replaced_unnoticed(link):
    link.set_schema("s_un")
    backend = ask(link)
    link.close_if_unusable_or_obsolete()
    cut(backend)
    assert ask(link, "SHOW search_path") == "s_un, public"
    assert ask(link) != backend


def test_one_that_is_cut_in_the_middle_fails_once_and_is_replaced(link):
    backend = ask(link)
    cut(backend)
    with pytest.raises(OperationalError):
        ask(link)
    link.close_if_unusable_or_obsolete()
    assert ask(link) != backend


def visit(application: WSGIHandler, shop: Shop) -> tuple[int, str]:
    """A request as a thread of the server answers it, connection handling and all."""
    statuses: list[str] = []
    environ = RequestFactory().get("/", HTTP_HOST=f"{shop.host}:8000").environ
    response = application(environ, lambda status, headers: statuses.append(status))
    text = b"".join(response).decode()
    response.close()
    return int(statuses[0].split()[0]), text


def test_two_threads_renew_and_lose_connections_and_nobody_enters_the_wrong_shop(
    shop, other_shop, most
):
    application, together, visits = WSGIHandler(), Barrier(2), 8

    def serve(order: list[Shop]) -> list[tuple[Shop, int, str, object]]:
        together.wait(60)
        answers = []
        for turn in range(visits):
            asked = order[turn % 2]
            status, text = visit(application, asked)
            backend = ask(database())
            answers.append((asked, status, text, backend))
            if turn % 4 == 3:
                cut(backend)
        connections.close_all()
        return answers

    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(serve, ([shop, other_shop], [other_shop, shop])))
    for answers in both:
        assert {status for _, status, _, _ in answers} == {200}
        for asked, _, text, _ in answers:
            neighbour = other_shop if asked == shop else shop
            assert asked.name in text
            assert neighbour.name not in text
    backends = [{backend for *_, backend in answers} for answers in both]
    assert not backends[0] & backends[1]
    assert min(map(len, backends)) > visits // 4  # cut ones and worn ones


def test_without_a_database_the_answer_is_a_plain_503(shop, monkeypatch):
    application = WSGIHandler()

    def serve() -> tuple[int, str]:
        monkeypatch.setitem(database().settings_dict, "HOST", "/nowhere")
        answer = visit(application, shop)
        connections.close_all()
        return answer

    with ThreadPoolExecutor(1) as thread:
        status, text = thread.submit(serve).result()
    assert status == 503
    assert "réessayez" in text


@pytest.mark.parametrize(
    ("limit", "alias", "text"),
    [
        ("statement_timeout", "default", "1min"),
        ("lock_timeout", "default", "10s"),
        ("idle_in_transaction_session_timeout", "default", "1min"),
        ("idle_in_transaction_session_timeout", "owner", "10min"),
        ("statement_timeout", "owner", "0"),
    ],
)
def test_whoever_hangs_keeps_no_row_of_a_shop_for_ever(limit, alias, text):
    own = connections.create_connection(alias)
    assert ask(own, f"SHOW {limit}") == text
    own.close()
