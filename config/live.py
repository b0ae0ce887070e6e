"""What a page may follow while it is open, and who tells its version (``apps.core.live``)."""

FOLLOWED: dict[str, str] = {
    "card": "apps.loyalty.card_page.version",
    "lot": "apps.campaigns.booking_queries.version",
    "shop": "apps.analytics.queries.version",
}
