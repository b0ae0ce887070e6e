"""Variables: what each person reads, and never a brace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.campaigns.writing import (
    VARIABLES,
    LoneBrace,
    UnknownVariable,
    absences,
    check,
    correct,
    fill,
    uses,
)

NAMES = [variable.name for variable in VARIABLES]
pieces = st.one_of(
    st.sampled_from([variable.tag for variable in VARIABLES]),
    st.sampled_from(
        ["{", "}", "{}", "{|}", "{prénom|", "|", "{PRENOM|cher ami}", " ,", "\r\n", " "]
    ),
    st.text(max_size=12),
)


@given(
    st.lists(pieces, max_size=12).map("".join), st.dictionaries(st.sampled_from(NAMES), st.text())
)
def test_no_text_and_no_name_ever_breaks_it_or_leaves_a_brace(text, values):
    written = fill(text, values)
    assert "{" not in written
    assert "}" not in written


@given(st.lists(pieces, max_size=8).map("".join))
def test_what_passes_the_check_says_every_value(text):
    try:
        check(text)
    except (UnknownVariable, LoneBrace):
        return
    written = fill(text, dict.fromkeys(NAMES, "⟪valeur⟫"))
    assert written.count("⟪valeur⟫") == text.count("{")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("{prénom}, 12 bouteilles", "Camille, 12 bouteilles"),
        ("{prenom} {PRÉNOM}", "Camille Camille"),
        ("Bonjour {nom|vous}", "Bonjour vous"),
        ("Bonjour {nom}, ça va", "Bonjour, ça va"),
        ("{nom}, bonjour", "bonjour"),
    ],
)
def test_a_missing_value_takes_the_word_beside_it_or_leaves_no_trace(text, read):
    assert fill(text, {"prénom": "Camille", "nom": ""}) == read


def test_a_missing_first_name_is_said_as_stated():
    assert fill("Bonjour {prénom}", {}) == "Bonjour cher client"


def test_a_name_is_never_read_as_a_variable():
    assert fill("{prénom}", {"prénom": "{lien}", "lien": "secret"}) == "lien"


@pytest.mark.parametrize("text", ["{prenon}", "{}", "{ }", "{nom de famille}"])
def test_an_unknown_variable_is_named(text):
    with pytest.raises(UnknownVariable) as refusal:
        check(text)
    assert text in str(refusal.value)


@pytest.mark.parametrize("text", ["Bonjour {prénom", "Bonjour prénom}", "{{prénom}"])
def test_a_lone_brace_is_refused(text):
    with pytest.raises(LoneBrace):
        check(text)


def test_the_link_is_found_however_it_is_written():
    assert uses("Voici : {Lien|ici}", "lien")
    assert not uses("lien", "lien")


def test_the_word_beside_a_variable_comes_before_the_one_stated_on_the_screen():
    stated = {"prénom": "cher ami"}
    assert fill("{prénom|Bonjour}, {prénom}", {}, stated) == "Bonjour, cher ami"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("{prenon}", "{prénom}"),
        ("{Prénoms|vous}", "{prénom|vous}"),
        ("{nom de famille}", "{nom}"),
        ("{tampon}", "{tampons}"),
        ("{liens}", "{lien}"),
    ],
)
def test_what_was_probably_meant_is_offered_and_written_in_one_go(typed, meant):
    with pytest.raises(UnknownVariable) as refusal:
        check(typed)
    assert f"Vouliez-vous dire {meant.partition('|')[0].rstrip('}')}}} ?" in str(refusal.value)
    assert correct(f"Bonjour {typed}, {{boutique}}") == f"Bonjour {meant}, {{boutique}}"


def test_what_comes_near_nothing_lists_what_there_is_and_is_left_as_typed():
    with pytest.raises(UnknownVariable) as refusal:
        check("{météo}")
    assert "Essayez : {prénom}, {nom}" in str(refusal.value)
    assert correct("{météo} {}") == "{météo} {}"


@given(st.lists(pieces, max_size=8).map("".join))
def test_a_correction_touches_no_variable_that_exists_and_is_done_in_one_go(text):
    corrected = correct(text)
    assert correct(corrected) == corrected
    try:
        check(text)
    except (UnknownVariable, LoneBrace):
        return
    assert corrected == text


def test_every_variable_states_what_is_read_without_its_value():
    texts = ["{prénom}, {PRENOM|vous} : {nom}", "{tampons} tampons, {lien} {prenon}"]
    assert absences(texts, {"prénom": "cher ami"}) == [
        ("{prénom}", "« cher ami »"),
        ("{PRENOM|vous}", "« vous »"),
        ("{nom}", "rien"),
        ("{tampons}", "« 0 »"),
    ]


@pytest.mark.parametrize("variable", [one for one in VARIABLES if not one.always])
def test_what_is_stated_is_what_is_read(variable):
    for text in (variable.tag, f"{{{variable.name}|autre}}"):
        ((_tag, said),) = absences([text], {})
        assert said == (f"« {fill(text, {})} »" if fill(text, {}) else "rien")
