"""Arithmetic that loses nothing: whatever is sold, at whatever rate, discount and price."""

from decimal import ROUND_HALF_UP, Decimal

from hypothesis import given
from hypothesis import strategies as st

from apps.invoicing.reckoning import Base, part, reckon, rounded, shared
from apps.invoicing.words import LineWords

RATES = st.sampled_from([2000, 1000, 550, 210, 850, 0])
LINES = st.lists(
    st.builds(
        LineWords,
        label=st.just("Morgon"),
        quantity=st.integers(1, 400_000),
        unit_cents=st.integers(0, 300_000),
        vat=RATES,
        discount_share=st.integers(0, 10_000),
    ),
    min_size=1,
    max_size=12,
)


def cents(exact: Decimal) -> int:
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_a_half_is_rounded_up(over, under):
    assert rounded(over, under) == cents(Decimal(over) / Decimal(under))


@given(LINES)
def test_a_line_is_its_quantity_times_its_price_less_its_discount(lines):
    for line in lines:
        gross = cents(Decimal(line.quantity) * line.unit_cents / 1000)
        assert line.before_discount == gross
        assert 0 <= line.amount <= gross
        assert line.amount + line.off == gross


@given(LINES, st.booleans())
def test_what_is_due_adds_up(lines, taxed):
    sums = reckon([(line.vat, line.amount) for line in lines], taxed=taxed)
    told = sum(line.amount for line in lines)
    assert sums.net_cents == sum(sums.nets)  # BR-CO-10, BR-CO-13
    assert sums.total_cents == sums.net_cents + sums.vat_cents  # BR-CO-15
    assert (sums.total_cents if taxed else sums.net_cents) == told
    for base in sums.bases:
        here = [net for net, line in zip(sums.nets, lines, strict=True) if line.vat == base.vat]
        assert base.net_cents == sum(here)  # BR-S-08
        exact = Decimal(base.net_cents) * base.vat / 10_000  # BR-CO-17
        assert abs(base.vat_cents - exact) <= (1 if taxed else Decimal("0.5"))


@given(LINES, st.booleans())
def test_no_line_is_more_than_a_cent_from_its_own_share(lines, taxed):
    sums = reckon([(line.vat, line.amount) for line in lines], taxed=taxed)
    for net, line in zip(sums.nets, lines, strict=True):
        alone = Decimal(line.amount) * 10_000 / (10_000 + line.vat) if taxed else line.amount
        assert abs(net - alone) <= 1


@given(LINES, st.booleans(), st.lists(st.integers(0, 100), min_size=1, max_size=4))
def test_the_parts_of_an_invoice_make_the_whole(lines, taxed, cuts):
    """Credited in any number of notes, to the last bottle, nothing is left and nothing too much."""
    whole = reckon([(line.vat, line.amount) for line in lines], taxed=taxed)
    left, taken, rates = whole.total_cents, [0] * len(lines), [0] * len(lines)
    for cut in [*cuts, 100]:
        before = dict[int, int]()
        for line, gone in zip(lines, rates, strict=True):
            before[line.vat] = before.get(line.vat, 0) + gone
        now = [(line.quantity - gone) * cut // 100 for line, gone in zip(lines, taken, strict=True)]
        amounts = [
            part(line.amount, line.quantity, gone, count)
            for line, gone, count in zip(lines, taken, now, strict=True)
        ]
        asked = [(line.vat, amount) for line, amount in zip(lines, amounts, strict=True)]
        note = reckon(asked, taxed=taxed, before=before)
        assert note.net_cents >= 0
        assert note.vat_cents >= 0
        left -= note.total_cents
        assert left >= 0
        taken = [gone + count for gone, count in zip(taken, now, strict=True)]
        rates = [gone + amount for gone, amount in zip(rates, amounts, strict=True)]
    assert left == 0


@given(
    st.lists(st.tuples(RATES, st.integers(1, 50_000)), min_size=1, max_size=4),
    st.lists(st.integers(1, 20_000), max_size=6),
)
def test_amounts_given_back_one_by_one_add_up_to_the_invoice(lines, amounts):
    left = {base.vat: base for base in reckon(lines, taxed=True).bases}
    whole = sum(base.net_cents + base.vat_cents for base in left.values())
    for asked in [*amounts, whole]:  # the last takes all that is left
        rest = sum(base.net_cents + base.vat_cents for base in left.values())
        cents = min(asked, rest)
        back = shared(left.values(), cents) if cents else ()
        assert sum(base.net_cents + base.vat_cents for base in back) == cents
        for base in back:
            before = left[base.vat]
            net, vat = before.net_cents - base.net_cents, before.vat_cents - base.vat_cents
            assert min(net, vat, base.net_cents, base.vat_cents) >= 0
            left[base.vat] = Base(base.vat, net, vat)
    assert all(base.net_cents == base.vat_cents == 0 for base in left.values())
