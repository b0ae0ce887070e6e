"""The neighbour test: every address of the project, tried by everyone who has no business there.

The addresses are read from the three URL tables, so a new view is tried from its first day.
"""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from apps.core.roles import RIGHTS, Right, Role
from tests.conftest import ShopClient
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

SHOP, PLATFORM, ADMIN = "config.urls_shop", "config.urls_public", "config.urls_admin"

# Written by hand: a view that anybody may open is a decision. Named by URL name.
PUBLIC = {
    SHOP: {
        # the look, the language, the team's way in and out
        *("theme", "logo", "photo", "language", "appearance", "enter", "arrive", "leave"),
        # the shop's own phone: paired by a code, then « Qui est là ? » and a PIN
        *("pair", "who", "enter_pin"),
        # joining, the card, and what its holder may do with it
        *(
            "join",
            "join-again",
            "card",
            "card-code",
            "card-data",
            "card-renew",
            "verify",
            "decline",
        ),
        # « Parrainez un ami » : one's own link, and where it leads
        *("card-refer", "sponsored"),
        # the card in a phone's wallet, and what the phone asks (it proves itself by its pass)
        *("apple_pass", "apple_registration", "apple_serials", "apple_latest", "apple_log"),
        *("google_pass", "pass_picture"),
        # stopping messages
        *("choices", "one_click", "short_link"),
        # news on this phone: asked for on the card's page
        *("news", "news_worker", "news_app"),
        # what the links of a message open
        *("voucher", "onward", "outward", "lot", "lot-public", "lot-seen"),
        # the club: its plans, joining, waiting, giving, and what a gift's link opens
        *("club", "club-plan", "club-give", "club-wait", "club-line", "club-thanks", "club-gift"),
        # a member's page, by link and code; leaving without it, and paying what is owed
        *("club_mine", "club_mine_address", "club_mine_leave", "club_mine_renounce"),
        *("club_mine_invoice", "club_find", "club_leave", "club_renounce", "club_pay"),
        *(f"club_act_{act}" for act in ("code", "open", "close", "rest", "resume", "means")),
        *(f"club_act_{act}" for act in ("price", "stay", "box", "colours")),
        # the legal texts, those before them, on paper
        *(
            f"legal-{kind}{what}"
            for kind in ("sales", "withdrawal", "notice")
            for what in ("", "-version", "-file")
        ),
        "personal-data",
        # what a phone installs of the counter: nobody's data
        *("counter-manifest", "counter-icon", "counter-worker", "counter-shell"),
    },
    PLATFORM: {
        *("landing", "platform_legal", "platform_privacy", "platform_robots", "appearance", "tls"),
        *("account_login", "account_logout", "account_signup", "account_inactive"),
        *("account_email_verification_sent", "account_confirm_email", "mfa_authenticate"),
        *("account_reset_password", "account_reset_password_done"),
        *("account_reset_password_from_key", "account_reset_password_from_key_done"),
        *("google_login", "google_callback", "socialaccount_signup"),
        *("socialaccount_login_cancelled", "socialaccount_login_error"),
        "invitation",
        # providers, who sign what they post
        "stripe",
        # back from Pennylane: a signed word says to which shop, its session who asked
        "pennylane_return",
        *("twilio_reply", "twilio_shared_reply", "twilio_status", "brevo", "brevo_reply"),
        # local mode's mailbox; in production it does not exist
        *("mailbox", "answer_sms"),
    },
    ADMIN: {
        *("account_login", "account_logout", "account_inactive", "mfa_authenticate"),
        *("account_email_verification_sent", "account_confirm_email"),
        *("account_reset_password", "account_reset_password_done"),
        *("account_reset_password_from_key", "account_reset_password_from_key_done"),
        "login",
    },
}
# Posted by programs without a cookie: each proves itself otherwise.
WITHOUT_TOKEN = {
    *("one_click", "twilio_reply", "twilio_shared_reply", "twilio_status", "brevo", "brevo_reply"),
    *("apple_registration", "apple_log", "stripe"),
}
SAMPLES = {"int": "1", "str": "x", "slug": "cave", "path": "x", "uuid": str(uuid.UUID(int=1))}
WORDS = ("1", "x", "2" * 9, "x" * 22, "1" * 22, "1" * 6, "s_cave_abcd", "cave", "a/b", "x" * 32)
# Said by the page's own script: nothing but a count comes of it.
CLICKS = {"onward", "outward", "voucher", "lot-seen"}
NOT_DATA = {301, 302, 401, 403, 404, 405}


@dataclass(frozen=True)
class Address:
    table: str
    path: str
    name: str
    view: Any

    @property
    def door(self) -> Any:
        return getattr(self.view, "door", None)


def _sample(pattern: Any) -> str:
    if isinstance(pattern, RoutePattern):
        text = str(pattern)
        for name, converter in pattern.converters.items():
            text = re.sub(rf"<(\w+:)?{name}>", _of(converter), text)
        return text
    text = pattern.regex.pattern.removeprefix("^").removesuffix("$").removesuffix("?")
    for name in pattern.regex.groupindex:
        start = end = text.index(f"(?P<{name}>")
        depth = 0
        for end in range(start, len(text)):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            if depth == 0:
                break
        wanted = text[start + len(f"(?P<{name}>") : end]
        alike = (one for one in WORDS if re.fullmatch(wanted, one))
        value = next(alike, wanted.split("|")[0])
        text = text[:start] + value + text[end + 1 :]
    return text


def _of(converter: Any) -> str:
    return SAMPLES.get(type(converter).__name__.replace("Converter", "").lower(), "x")


def walk(table: str, patterns: Any, before: str = "/") -> Iterator[Address]:
    for one in patterns:
        path = before + _sample(one.pattern)
        if isinstance(one, URLResolver):
            yield from walk(table, one.url_patterns, path)
        elif isinstance(one, URLPattern):
            yield Address(table, path, one.name or "", one.callback)


def addresses(table: str) -> list[Address]:
    return list(walk(table, get_resolver(table).url_patterns))


def _is_admin_page(view: Any) -> bool:
    return hasattr(view, "admin_site") or hasattr(view, "model_admin")


def answers(client: Client, address: Address) -> Iterator[Any]:
    yield client.get(address.path)
    yield client.post(address.path)
    yield client.get(address.path, headers={"HX-Request": "true"})


def assert_shut(client: Client, closed: list[Address]) -> None:
    for address in closed:
        for answer in answers(client, address):
            shut = answer.status_code in NOT_DATA or (
                answer.status_code == 204 and "HX-Redirect" in answer.headers
            )
            assert shut, f"{address.path} answers {answer.status_code}"
            if answer.status_code in {301, 302}:
                place = answer["Location"]
                known = place == "/" or place.startswith(("/entree/", "/connexion/", "/login/"))
                assert known, f"{address.path} → {place}"


@pytest.mark.parametrize("table", [SHOP, PLATFORM, ADMIN])
def test_every_view_says_who_may_come_in(table):
    doors = {"public", "signed_in", *Right}
    found = addresses(table)
    assert found
    for address in found:
        known = address.door in doors or (table == ADMIN and _is_admin_page(address.view))
        assert known, f"{address.path} has no door"


@pytest.mark.parametrize("table", [SHOP, PLATFORM, ADMIN])
def test_what_is_public_was_decided(table):
    found = {one.name for one in addresses(table) if one.door == "public"}
    assert found == PUBLIC[table]


def _closed(table: str) -> list[Address]:
    return [one for one in addresses(table) if one.door != "public"]


def test_nobody_gets_nothing_of_a_shop(visitor):
    assert_shut(visitor, _closed(SHOP))


def test_the_neighbour_gets_nothing_of_a_shop(neighbour_client):
    closed = [one for one in _closed(SHOP) if one.door != "signed_in"]
    assert len(closed) > 20
    for address in closed:
        for answer in answers(neighbour_client, address):
            assert answer.status_code == 403, f"{address.path} answers {answer.status_code}"


@pytest.mark.parametrize("role", [Role.HELPER, Role.MANAGER])
def test_a_lower_role_gets_nothing_above_it(shop, member, role):
    browser = ShopClient(shop).enter(member(role))
    above = [
        one
        for one in _closed(SHOP)
        if isinstance(one.door, Right) and role not in RIGHTS[one.door][1]
    ]
    assert above
    for address in above:
        for answer in answers(browser, address):
            assert answer.status_code == 403, f"{address.path} answers {answer.status_code}"


def test_a_person_without_a_shop_gets_nothing_of_any(shop):
    browser = ShopClient(shop).enter(UserFactory())
    for address in _closed(SHOP):
        if address.door != "signed_in":
            assert browser.get(address.path).status_code == 403


def test_nobody_gets_nothing_of_the_platform(platform_client):
    assert_shut(platform_client, _closed(PLATFORM))


def test_nobody_and_no_owner_gets_anything_of_the_admin(other_shop, member):
    browser = Client(SERVER_NAME="admin.localhost", HTTP_HOST="admin.localhost:8000")
    closed = _closed(ADMIN)
    assert len(closed) > 50
    assert_shut(browser, closed)
    owner = member(Role.OWNER, other_shop)
    connection.set_schema_to_public()  # a session of the admin's host
    browser.force_login(owner)
    for address in closed:
        if _is_admin_page(address.view):
            answer = browser.get(address.path)
            assert answer.status_code in {302, 403, 404}, address.path


def test_no_form_is_taken_without_its_token(shop, owner):
    strict = Client(HTTP_HOST=f"{shop.host}:8000", enforce_csrf_checks=True)
    connection.set_tenant(shop)
    strict.force_login(owner)
    for address in addresses(SHOP):
        if address.name in WITHOUT_TOKEN | CLICKS:
            continue
        connection.set_tenant(shop)
        answer = strict.post(address.path)
        assert answer.status_code == 403, f"{address.path} answers {answer.status_code}"
        assert "rien n’a été enregistré" in answer.content.decode()


def test_only_programs_post_without_a_token():
    everywhere = [one for table in (SHOP, PLATFORM, ADMIN) for one in addresses(table)]
    exempt = {one.name for one in everywhere if getattr(one.view, "csrf_exempt", False)}
    assert exempt == WITHOUT_TOKEN | CLICKS


HOSTS = ["inconnue.localhost", "pirate.example", "10.0.0.1", "a_b.localhost"]


@pytest.mark.parametrize("host", HOSTS)
def test_an_unknown_host_gets_a_plain_404(db, host):
    for path in ("/", "/gestion/", "/connexion/", "/webhooks/tls/"):
        answer = Client().get(path, HTTP_HOST=host)
        assert answer.status_code == 404
        assert answer["Content-Type"] == "text/plain; charset=utf-8"


def test_the_tables_are_the_ones_the_hosts_use():
    assert (SHOP, PLATFORM, ADMIN) == (
        settings.ROOT_URLCONF,
        settings.PUBLIC_SCHEMA_URLCONF,
        settings.ADMIN_URLCONF,
    )
