"""Parts of a page that are made once: the same for everybody, and nothing of anybody in them."""

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.utils import translation


def test_a_kept_part_is_made_once_for_each_of_its_values():
    made = []
    page = Template("{% kept goal=shop.goal %}{{ goal }}{{ seen }}{% endkept %}")

    class Goal(int):
        def __str__(self) -> str:
            made.append(int(self))
            return super().__str__()

    for goal in (8, 10, 8, 10, 8):
        assert page.render(Context({"shop": {"goal": Goal(goal)}})) == str(goal)
    assert made == [8, 10]


def test_what_a_kept_part_does_not_name_it_does_not_show():
    page = Template("{% kept goal=goal %}{{ goal }} {{ name }}{{ request }}{% endkept %}{{ name }}")
    assert page.render(Context({"goal": 8, "name": "Camille"})) == "8 Camille"
    assert page.render(Context({"goal": 8, "name": "Anne"})) == "8 Anne"


def test_a_kept_part_speaks_every_visitors_language():
    page = Template("{% load i18n %}{% kept %}{% translate 'Ma carte' %}{% endkept %}")
    said = []
    for language in ("fr", "en", "es", "fr"):
        with translation.override(language):
            said.append(page.render(Context()))
    assert said[0] == said[3] == "Ma carte"
    assert len(set(said)) == 3


def test_a_kept_part_is_escaped_like_any_other():
    page = Template("{% kept reward=reward %}{{ reward }}{% endkept %}")
    assert page.render(Context({"reward": "<b>"})) == "&lt;b&gt;"


def test_many_values_are_not_kept_for_ever(monkeypatch):
    monkeypatch.setattr("apps.core.templatetags.kept.MOST", 3)
    page = Template("{% kept n=n %}{{ n }}{% endkept %}")
    for n in range(10):
        assert page.render(Context({"n": n})) == str(n)
    assert len(page.nodelist[0].known) <= 3


def test_only_named_values_are_taken():
    with pytest.raises(TemplateSyntaxError):
        Template("{% kept goal %}{% endkept %}")
