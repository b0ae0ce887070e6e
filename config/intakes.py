"""Which files a shop may bring in, and who reads each: the one place where the lower room of
imports is told of the rooms above."""

INTAKES: tuple[str, ...] = (
    "apps.audience.importing.PEOPLE",
    "apps.catalog.importing.PRODUCTS",
    "apps.audience.buying.PURCHASES",
)
