"""What only committed rows and several connections can show: a shop made, a shop ceded twice."""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection
from django.test import Client
from psycopg import sql

from apps.accounts import team
from apps.accounts.models import Membership, User
from apps.core.roles import Role
from apps.core.tenancy import in_schema
from apps.shops.migrating import schema_exists
from apps.shops.models import Shop
from tests.at_once import at_once

OWN_TABLES = (
    "accounts_platformmail",
    "accounts_membership",
    "accounts_session",
    "accounts_spenthandover",
    "django_q_ormq",
    "core_ratecounter",
)


@pytest.fixture
def swept(shop) -> Iterator[None]:
    """Take away what was committed, with the owner's role."""
    connection.set_schema_to_public()
    yield
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        for table in OWN_TABLES:
            owner.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        made = owner.execute("SELECT id, schema_name FROM shops_shop WHERE slug LIKE 'neuve%'")
        for pk, schema in made.fetchall():
            owner.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
            owner.execute("DELETE FROM shops_domain WHERE shop_schema = %s", [schema])
            owner.execute("DELETE FROM shops_shop WHERE id = %s", [pk])
        owner.execute("DELETE FROM accounts_user WHERE email LIKE 'double%'")


@pytest.mark.django_db(databases=["default", "owner"])
def test_naming_a_shop_makes_it_and_leads_to_its_own_door(swept):
    def name_it(_: Any) -> tuple[str, str]:
        user = User.objects.create_user("double@exemple.fr")
        browser = Client(SERVER_NAME="localhost", HTTP_HOST="localhost:8000")
        browser.force_login(user)
        form = {"name": "Neuve & Fils", "trade": "wine", "slug": ""}
        answer = browser.post("/boutiques/nouvelle/", form)
        made = Shop.objects.get(slug="neuve-fils")
        assert made.sells_alcohol, "a wine merchant's mentions stand from the first minute"
        with in_schema(made.schema_name):
            assert Membership.objects.get(user=user).role == Role.OWNER
        assert schema_exists(made.schema_name)
        return answer.status_code, answer["Location"]

    assert at_once(name_it, None) == [
        (302, "http://neuve-fils.localhost:8000/entree/?vers=/gestion/")
    ]


def walk(browser: Client, answer: Any) -> list[tuple[str, Any]]:
    """Follow redirects over several hosts with a cookie jar each, as a browser does."""
    browsers, seen = {"localhost": browser}, []
    while answer.status_code == 302:
        parts = urlsplit(answer["Location"])
        host = parts.hostname or seen[-1][0]
        name = f"{host}:8000"
        browser = browsers.setdefault(host, Client(SERVER_NAME=host, HTTP_HOST=name))
        answer = browser.get(f"{parts.path}?{parts.query}")
        seen.append((host, answer))
    return seen


@pytest.mark.django_db(databases=["default", "owner"])
def test_from_the_name_of_the_shop_to_its_desk_in_four_answers(swept):
    def open_it(_: Any) -> list[tuple[str, str]]:
        browser = Client(SERVER_NAME="localhost", HTTP_HOST="localhost:8000")
        browser.force_login(User.objects.create_user("double@exemple.fr"))
        named = browser.post("/boutiques/nouvelle/", {"name": "Neuve", "trade": "cafe", "slug": ""})
        seen = walk(browser, named)
        assert "Vos premiers pas" in seen[-1][1].content.decode()
        return [(host, answer.wsgi_request.path) for host, answer in seen]

    shop = "neuve.localhost"
    assert at_once(open_it, None) == [
        [
            (shop, "/entree/"),
            ("localhost", "/boutiques/neuve/entrer/"),
            (shop, "/entree/arrivee/"),
            (shop, "/gestion/"),
        ]
    ]


@pytest.mark.django_db
def test_ceding_twice_at_once_leaves_one_owner(swept, shop):
    def people(_: Any) -> list[Membership]:
        roles = (Role.OWNER, Role.HELPER, Role.HELPER)
        with in_schema(shop.schema_name):
            return [
                Membership.objects.create(
                    shop=shop, user=User.objects.create_user(f"double{n}@exemple.fr"), role=role
                )
                for n, role in enumerate(roles)
            ]

    ((owner, *others),) = at_once(people, None)

    def cede(to: Membership) -> Any:
        with in_schema(shop.schema_name):
            return team.hand_over(by=owner, to_id=to.pk)

    ended = at_once(cede, *others)
    assert sum(isinstance(one, team.NotYours) for one in ended) == 1

    def owners(_: Any) -> int:
        with in_schema(shop.schema_name):
            return Membership.objects.filter(role=Role.OWNER).count()

    assert at_once(owners, None) == [1]
