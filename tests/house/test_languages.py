"""Customers read their own language, whole; French counts as French people do."""

import re

import polib
import pytest
from django.conf import settings
from django.utils.translation import gettext, ngettext, override

from tests.factories import UserFactory
from tests.house import languages
from tests.house.test_doors import addresses

PLACES = re.compile(r"%\(\w+\)[sd]")
CATALOGUES = sorted((languages.ROOT / "locale").glob("*/LC_MESSAGES/django.po"))


def told(entry):
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_what_is_compiled_is_what_is_written(path):
    written = {(e.msgid, *told(e)) for e in polib.pofile(str(path))}
    compiled = {(e.msgid, *told(e)) for e in polib.mofile(str(path.with_suffix(".mo")))}
    assert compiled == written, "run python -m tests.house.languages"


@pytest.mark.parametrize("language", languages.TARGETS)
def test_every_sentence_customers_read_is_translated(language):
    known = {e.msgid: e for e in polib.pofile(str(languages.catalogue(language)))}
    wanted = languages.customers_sentences()
    missing = [text for text in wanted if text not in known or not all(told(known[text]))]
    assert not missing, "run python -m tests.house.languages, then translate"
    assert not set(known) - set(wanted), "no page says these any more"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_a_translation_keeps_the_places_of_its_values(path):
    for entry in polib.pofile(str(path)):
        sources = [entry.msgid, entry.msgid_plural] if entry.msgid_plural else [entry.msgid]
        for text in told(entry):
            assert set(PLACES.findall(text)) == set(PLACES.findall(sources[0])), entry.msgid


def test_french_knows_every_plural_of_the_project():
    known = {e.msgid: e for e in polib.pofile(str(languages.catalogue("fr")))}
    for text, sentence in languages.plural_sentences().items():
        assert text in known, "run python -m tests.house.languages"
        assert told(known[text]) == [text, sentence.plural]


@pytest.mark.parametrize(
    ("language", "count", "said"),
    [
        ("fr", 0, "il y a 0 jour"),
        ("fr", 1, "il y a 1 jour"),
        ("fr", 2, "il y a 2 jours"),
        ("en", 0, "0 days ago"),
        ("en", 1, "1 day ago"),
        ("es", 2, "hace 2 días"),
    ],
)
def test_each_language_counts_its_way(language, count, said):
    with override(language):
        text = ngettext("il y a %(n)d jour", "il y a %(n)d jours", count)
    assert text % {"n": count} == said


@pytest.mark.parametrize(
    ("asked", "language", "title"),
    [("en-GB", "en", "Get your card"), ("es", "es", "Obtenga su tarjeta"), ("de", "fr", "Prenez")],
)
def test_a_page_answers_in_the_visitors_language(visitor, asked, language, title):
    answer = visitor.get("/", headers={"accept-language": asked})
    page = answer.content.decode()
    assert title in page
    assert f'<html lang="{language}"' in page
    assert answer["Content-Language"] == language
    assert {"Accept-Language", "Cookie"} <= set(answer["Vary"].split(", "))


def test_the_switch_is_remembered(visitor):
    visitor.post("/langue/", {"langue": "es", "vers": "/mentions-legales/"})
    page = visitor.get("/mentions-legales/", headers={"accept-language": "en"}).content.decode()
    assert "Aviso legal" in page
    assert "Is this you\u202f?" not in page


def test_french_spaces_stay_in_french(visitor):
    page = visitor.get("/donnees-personnelles/", headers={"accept-language": "en"})
    assert "\u202f" not in page.content.decode()


def test_a_packages_string_without_french_is_heard(visitor):
    with languages.packages_without_french() as heard, override("fr"):
        gettext("A string nobody translated")
        gettext("This field is required.")
        gettext("Prenez votre carte")
    assert heard == {"A string nobody translated"}


def test_we_say_e_mail_as_the_french_do(platform_client, visitor):
    pages = [
        platform_client.get("/connexion/"),
        platform_client.get("/inscription/"),
        platform_client.get("/mot-de-passe/oublie/"),
        platform_client.post("/inscription/", {"email": "pas une adresse"}),
        visitor.get("/", headers={"accept-language": "fr"}),
    ]
    for page in (answer.content.decode().lower() for answer in pages):
        assert "e-mail" in page
        assert "courriel" not in page
        assert "électronique" not in page


def test_customers_meet_no_package_in_english(visitor):
    with languages.packages_without_french() as heard:
        for path in ("/", "/mentions-legales/", "/donnees-personnelles/", "/c/x/", "/v/x/"):
            visitor.get(path)
        visitor.post("/rejoindre/", {"email": "x", "phone": "x", "birth_date": "x", "key": "x"})
    assert not heard


def hear(client, table):
    """Every page of ``table``, opened, and each of its forms sent empty; what was English."""
    with languages.packages_without_french() as heard:
        for address in addresses(table):
            if "logout" not in address.name and address.name not in {"leave", "leave_everywhere"}:
                client.get(address.path)
                client.post(address.path)
    return heard


def test_the_team_meets_no_package_in_english(owner_client):
    assert not hear(owner_client, settings.ROOT_URLCONF)


def test_the_platforms_visitors_meet_no_package_in_english(platform_client):
    assert not hear(platform_client, settings.PUBLIC_SCHEMA_URLCONF)


def test_people_of_the_platform_meet_no_package_in_english(platform_client):
    platform_client.force_login(UserFactory(email="claire@exemple.fr"))
    assert not hear(platform_client, settings.PUBLIC_SCHEMA_URLCONF)
