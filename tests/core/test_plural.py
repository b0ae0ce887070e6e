"""French counts from two on."""

import pytest
from django.template import Context, Template
from django.utils import translation


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
