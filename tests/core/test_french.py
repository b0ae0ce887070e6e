"""French counts from two on, and elides before a vowel."""

from datetime import date

import pytest
from django.template import Context, Template
from django.utils import translation

from apps.core.templatetags.french import de_mois


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "tampon"), (1, "tampon"), (1.5, "tampon"), (2, "tampons"), ([], "tampon")],
)
def test_the_plural_begins_at_two(count, said):
    with translation.override("fr"):
        page = Template("tampon{{ n|pluralize }}")
        assert page.render(Context({"n": count})) == said


def test_both_endings_may_be_given():
    with translation.override("fr"):
        page = Template("{{ n|pluralize:'al,aux' }}")
        assert page.render(Context({"n": 0})) == "al"
        assert page.render(Context({"n": 3})) == "aux"


def test_other_languages_keep_their_own_count():
    with translation.override("en"):
        assert Template("stamp{{ n|pluralize }}").render(Context({"n": 0})) == "stamps"


@pytest.mark.parametrize(
    ("language", "month", "said"),
    [
        ("fr", 10, "d’octobre 2026"),
        ("fr", 8, "d’août 2026"),
        ("fr", 11, "de novembre 2026"),
        ("en", 10, "October 2026"),
    ],
)
def test_of_a_month(language, month, said):
    with translation.override(language):
        assert de_mois(date(2026, month, 1)) == said
