"""Money is whole cents in code, ``12,50 €`` on screen."""

from decimal import Decimal, InvalidOperation

THIN, HARD = "\u202f", "\u00a0"


def show_euros(cents: int, *, always_decimals: bool = True) -> str:
    """``1 284,50 €`` with U+202F between thousands and a no-break space before the sign."""
    sign = "−" if cents < 0 else ""
    euros, rest = divmod(abs(cents), 100)
    whole = f"{euros:,}".replace(",", THIN)
    decimals = f",{rest:02d}" if rest or always_decimals else ""
    return f"{sign}{whole}{decimals}{HARD}€"


def read_euros(text: str) -> int:
    """Cents from what a French person types: ``12,5``, ``1 284,50 €``. Raises ValueError."""
    clean = "".join(text.replace("€", "").split()).replace(THIN, "").replace(HARD, "")
    try:
        amount = Decimal(clean.replace(",", "."))
    except InvalidOperation as error:
        raise ValueError(text) from error
    cents = amount * 100
    if not amount.is_finite() or cents != cents.to_integral_value():
        raise ValueError(text)
    return int(cents)
