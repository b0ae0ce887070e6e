"""French VAT rates: where each holds, and from which day to which. A new rate is a line here."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class VatRate:
    """``share`` is of ten thousand; ``level`` tells which rate of one territory stands for which
    of another; ``until`` is its last day. GF and YT have none: no VAT is due there (CGI, 294)."""

    territory: str
    level: str
    share: int
    since: date
    until: date | None = None


_OLD = date(1993, 1, 1)
_BEFORE_2014, _SINCE_2014 = date(2013, 12, 31), date(2014, 1, 1)

VAT_RATES: tuple[VatRate, ...] = (
    VatRate("FR", "standard", 1960, date(2000, 4, 1), _BEFORE_2014),
    VatRate("FR", "standard", 2000, _SINCE_2014),
    VatRate("FR", "intermediate", 700, date(2012, 1, 1), _BEFORE_2014),
    VatRate("FR", "intermediate", 1000, _SINCE_2014),
    VatRate("FR", "reduced", 550, _OLD),
    VatRate("FR", "special", 210, _OLD),
    VatRate("CORSE", "standard", 1960, date(2000, 4, 1), _BEFORE_2014),
    VatRate("CORSE", "standard", 2000, _SINCE_2014),
    VatRate("CORSE", "fuel", 1300, _OLD),
    VatRate("CORSE", "intermediate", 800, _OLD, _BEFORE_2014),
    VatRate("CORSE", "intermediate", 1000, _SINCE_2014),
    VatRate("CORSE", "reduced", 210, _OLD),
    VatRate("CORSE", "special", 90, _OLD),
    *(
        VatRate(territory, level, share, _OLD)
        for territory in ("GP", "MQ", "RE")
        for level, share in (("standard", 850), ("reduced", 210), ("press", 105))
    ),
)
