"""Two shops for the whole session, rollback per test, jobs run when the test says so."""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import psycopg
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, connections
from django.test import Client
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from psycopg import sql

from apps.accounts.models import Membership, User
from apps.club import showing
from apps.core.roles import Role
from apps.core.tenancy import in_schema
from apps.shops.ledger import serves_public
from apps.shops.models import Shop
from apps.wallet import keyring
from tests import environment
from tests.at_once import at_once
from tests.factories import UserFactory
from tests.watch import watch

# An address, or a number of ten to fifteen digits: an id of sixteen may happen to have no letter.
A_PERSON = re.compile(r"[\w.+-]+@[\w-]+\.\w|(?<![\w-])\+?\d([ .]?\d){9,14}(?![\w-])")

# How long an example takes says how busy the machine is, not whether it holds. The same examples
# each time: what holds today holds tomorrow. Others by ``--hypothesis-profile=explore``.
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.register_profile("comptoir", deadline=None, derandomize=True)
hypothesis.settings.load_profile("comptoir")


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    environment.copy_database(environment.BASE, environment.NAME)
    with django_db_blocker.unblock():
        serves_public()  # asked once by each process: no test's statements count it
    yield
    with django_db_blocker.unblock():
        connections.close_all()


@pytest.fixture(scope="session", autouse=True)
def _plain_static_files() -> None:
    """Pages name files as they lie in ``static/``; hashed names are the browser tests' matter."""
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES["staticfiles"] = plain


@pytest.fixture(scope="session", autouse=True)
def _hear_every_connection() -> None:
    watch.hear_all()


@pytest.fixture(autouse=True)
def _two_shops_are_two_transactions() -> Iterator[None]:
    watch.broken.clear()
    yield
    assert watch.broken == []


@pytest.fixture(autouse=True)
def _start_in_public() -> Iterator[None]:
    connection.set_schema_to_public()
    yield
    connection.set_schema_to_public()
    timezone.deactivate()


@pytest.fixture(autouse=True)
def _nothing_is_known_from_before() -> None:
    keyring.forget_known()
    showing.forget_known()


@pytest.fixture
def empty_cache() -> Iterator[None]:
    """What tests before and after have in it does not count: codes scanned, tries made."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    """The wine merchant; the connection stands in its schema."""
    found = Shop.objects.get(slug="cave")
    connection.set_tenant(found)
    return found


@pytest.fixture
def other_shop(db: None) -> Shop:
    """The café next door."""
    return Shop.objects.get(slug="cafe")


class ShopClient(Client):
    """A browser on one shop's host; leaves the connection in that shop's schema."""

    def __init__(self, shop: Shop, **extra: Any) -> None:
        super().__init__(SERVER_NAME=shop.host, HTTP_HOST=f"{shop.host}:8000", **extra)
        self.shop = shop

    def enter(self, user: User) -> "ShopClient":
        connection.set_tenant(self.shop)
        self.force_login(user)
        return self

    def request(self, **request: Any) -> Any:
        response = super().request(**request)
        connection.set_tenant(self.shop)
        return response


@pytest.fixture
def member(shop: Shop) -> Callable[[str], User]:
    """``member("helper")``: a person with that role in the wine merchant's shop."""

    def make(role: str, at: Shop | None = None) -> User:
        user = UserFactory()
        with in_schema((at or shop).schema_name):
            Membership.objects.create(shop=at or shop, user=user, role=role)
        return user

    return make


@pytest.fixture
def owner(member: Callable[[str], User]) -> User:
    return member(Role.OWNER)


@pytest.fixture
def helper(member: Callable[[str], User]) -> User:
    return member(Role.HELPER)


@pytest.fixture
def visitor(shop: Shop) -> ShopClient:
    """Somebody from the street."""
    return ShopClient(shop)


@pytest.fixture
def owner_client(shop: Shop, owner: User) -> ShopClient:
    return ShopClient(shop).enter(owner)


@pytest.fixture
def helper_client(shop: Shop, helper: User) -> ShopClient:
    return ShopClient(shop).enter(helper)


@pytest.fixture
def neighbour_client(shop: Shop, other_shop: Shop, member: Callable[..., User]) -> ShopClient:
    """The owner of the café, trying the wine merchant's door."""
    return ShopClient(shop).enter(member(Role.OWNER, other_shop))


@pytest.fixture
def platform_client(db: None) -> Client:
    return Client(SERVER_NAME="localhost", HTTP_HOST="localhost:8000")


@pytest.fixture
def run_jobs(db: None) -> Callable[[], int]:
    """Run what is queued and due, in order, until nothing is; returns how many jobs ran."""

    def run() -> int:
        schema, count = connection.schema_name, 0
        while job := OrmQ.objects.filter(lock__lte=timezone.now()).order_by("pk").first():
            task = job.task
            assert not A_PERSON.search(repr(task["args"])), "a job carries ids only"
            job.delete()
            import_string(task["func"])(*task["args"], **task["kwargs"])
            connection.set_schema(schema)
            count += 1
            assert count < 1000, "jobs that make jobs for ever"
        return count

    return run


@pytest.fixture
def committed(shop: Shop) -> Iterator[Callable[..., list[Any]]]:
    """``committed(work, *each)``: run ``work`` for each argument at once, on connections of
    their own, outside the test's transaction; a refusal is a result. The shop is emptied after.
    """

    def run(work: Callable[[Any], Any], *each: Any) -> list[Any]:
        def inside(argument: Any) -> Any:
            with in_schema(shop.schema_name):
                return work(argument)

        return at_once(inside, *each)

    yield run
    # Foreign keys are checked at the commit: any order serves.
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        kept = "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename <> %s"
        for (table,) in owner.execute(kept, [shop.schema_name, "django_migrations"]).fetchall():
            name = sql.Identifier(shop.schema_name, table)
            owner.execute(sql.SQL("DELETE FROM {}").format(name))
        owner.execute("DELETE FROM public.django_q_ormq")
        owner.execute("DELETE FROM public.core_due")
