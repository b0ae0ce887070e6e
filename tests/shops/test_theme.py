"""Whatever colour a shop chooses, what is written on it and with it can be read."""

from hypothesis import given
from hypothesis import strategies as st

from apps.shops.theme import PAPERS, READABLE, contrast, ink_on, readable

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(colours)
def test_the_ink_on_any_colour_can_be_read(accent):
    assert contrast(ink_on(accent), accent) >= READABLE


@given(colours)
def test_any_colour_can_be_read_as_text_by_day_and_by_night(accent):
    for papers, darker in ((PAPERS["light"], True), (PAPERS["dark"], False)):
        text = readable(accent, papers, darker=darker)
        assert min(contrast(text, paper) for paper in papers) >= READABLE
