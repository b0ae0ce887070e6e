"""What an SMS weighs, character by character (french-rules §1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.messaging.text import GSM7, UCS2, costly, count, lighten

GSM = "abcXYZ 0189àèéùìòÇÉ@£$¥ñäöüß\n.,:;!?'\"€[]{}~|\\^"
texts = st.text(
    alphabet=st.one_of(st.sampled_from(GSM + "ç«»’–…œ\u00a0\u202f🍷°"), st.characters())
)


@pytest.mark.parametrize(
    ("text", "units", "segments"),
    [
        ("", 0, 0),
        ("a" * 160, 160, 1),
        ("a" * 161, 161, 2),
        ("a" * 306, 306, 2),
        ("a" * 307, 307, 3),
        ("€" * 80, 160, 1),
        ("€" * 81, 162, 2),
        ("ê" * 70, 70, 1),
        ("ê" * 71, 71, 2),
        ("ê" * 134, 134, 2),
        ("ê" * 135, 135, 3),
    ],
)
def test_segments_as_the_network_counts_them(text, units, segments):
    counted = count(text, reserve=0)
    assert (counted.units, counted.segments) == (units, segments)


def test_the_operators_stop_mention_takes_fourteen_characters():
    assert count("a" * 146).segments == 1
    assert count("a" * 147).segments == 2


def test_a_character_of_two_units_is_never_cut_between_two_parts():
    # 152 + € would fill 154: the sign moves to the second part, and one unit is lost.
    assert count("a" * 152 + "€" + "a" * 151, reserve=0).segments == 2
    assert count("a" * 152 + "€" + "a" * 152, reserve=0).segments == 3
    assert count("ê" + "a" * 65 + "🍷" + "a" * 65, reserve=0).segments == 2
    assert count("ê" + "a" * 65 + "🍷" + "a" * 66, reserve=0).segments == 3


@pytest.mark.parametrize("character", "çêâîôûëïœÀÈ«»’–…°\u00a0\u202f🍷")
def test_the_costly_characters_of_french_are_named(character):
    counted = count(f"a{character}b")
    assert counted.encoding == UCS2
    assert [c.character for c in counted.costly] == [character]
    assert counted.costly[0].name


@pytest.mark.parametrize("character", "àèéùìòÇÉ€@ñ")
def test_what_gsm_has_costs_nothing_and_is_kept(character):
    assert count(character).encoding == GSM7
    assert lighten(f"{character}…") == f"{character}..."


@pytest.mark.parametrize(
    ("typed", "light"),
    [
        ("« Crémant »\u00a0: l’été, c’est ici…", "\"Crémant\" : l'été, c'est ici..."),
        ("Le bœuf à la forêt – ça va ?", "Le boeuf à la foret - ca va ?"),
        ("À l’Œuvre, Noël", "A l'OEuvre, Noel"),
        ("Lot n°4 🍷", "Lot no4"),
        ("Merci 🍷 à tous 😊 ❤️ ✅", "Merci à tous :) <3 OK"),
        ("👨‍👩‍👧 Bienvenue 👍🏽", "Bienvenue OK"),
        ("e\u0301te\u0301", "été"),
        ("Bonjour 王", "Bonjour 王"),
    ],
)
def test_alleger_proposes_what_a_french_reader_accepts(typed, light):
    assert lighten(typed) == light


@given(texts)
def test_alleger_never_costs_more_and_is_done_in_one_go(text):
    light = lighten(text)
    assert count(light, 0).segments <= count(text, 0).segments
    assert lighten(light) == light
    assert light == text or count(light).encoding == GSM7


@given(texts, st.integers(0, 30))
def test_a_count_holds_together(text, reserve):
    counted = count(text, reserve)
    alone, part = (160, 153) if counted.encoding == GSM7 else (70, 67)
    assert counted.units >= len(text) + reserve
    assert counted.segments >= -(-counted.units // part) or counted.units <= alone
    assert 0 <= counted.left <= alone
    assert bool(counted.costly) == (counted.encoding == UCS2)


@given(texts, st.characters())
def test_one_more_character_never_weighs_less(text, character):
    assert count(text + character).segments >= count(text).segments


@given(texts)
def test_each_costly_character_is_told_once(text):
    told = [c.character for c in costly(text)]
    assert len(told) == len(set(told))


@pytest.mark.parametrize(
    ("text", "offers"),
    [
        ("« Ça »", ['« → "', '» → "']),
        ("l’été d’ici", ["2 × ’ → '"]),
        ("Merci 😊 ❤️", ["😊 → :)", "❤ → <3"]),
        ("🍷🍷", ["2 × 🍷 retirés"]),
        ("a\u00a0: b", ["espace insécable → espace simple"]),
        ("王", ["王"]),
    ],
)
def test_each_costly_sign_is_counted_with_what_would_stand_instead(text, offers):
    counted = count(text)
    assert [one.offer for one in counted.costly if one.character != "Ç"] == offers
    assert counted.lightens == (lighten(text) != text)
