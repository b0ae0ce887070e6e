"""A shop's host: ``/gestion/`` the team, ``/comptoir/`` the helper's phone, ``/`` customers."""

from django.urls import URLPattern, URLResolver, include, path

from apps.accounts import urls as accounts
from apps.analytics import urls as analytics
from apps.audience import urls as audience
from apps.campaigns import urls as campaigns
from apps.catalog import urls as catalog
from apps.club import box_urls as club_boxes
from apps.club import member_urls as club_members
from apps.club import urls as club
from apps.counter import urls as counter
from apps.imports import urls as imports
from apps.invoicing import urls as invoicing
from apps.legal import urls as legal
from apps.loyalty import urls as loyalty
from apps.messaging import urls as messaging
from apps.payments import urls as payments
from apps.review import urls as review
from apps.shops import urls as shops
from apps.wallet import urls as wallet

# They are tried in turn: what a queue waits for stands first.
urlpatterns: list[URLPattern | URLResolver] = [
    *loyalty.team_urls,
    *loyalty.customer_urls,
    *counter.team_urls,
    path("gestion/", include(accounts.team_urls)),
    path("gestion/", include(shops.team_urls)),
    path("gestion/", include(payments.team_urls)),
    *accounts.entry_urls,
    *analytics.team_urls,
    *campaigns.team_urls,
    *campaigns.customer_urls,
    *catalog.customer_urls,
    *club_members.customer_urls,
    *club_members.team_urls,
    path("gestion/catalogue/", include(catalog.team_urls)),
    *club.customer_urls,
    *club.team_urls,
    *club_boxes.customer_urls,
    *club_boxes.team_urls,
    path("gestion/clients/", include(audience.team_urls)),
    path("gestion/imports/", include(imports.team_urls)),
    *invoicing.team_urls,
    *legal.team_urls,
    *legal.customer_urls,
    *messaging.customer_urls,
    *messaging.team_urls,
    *review.team_urls,
    *wallet.device_urls,
    *wallet.team_urls,
    *shops.customer_urls,
]
handler400 = "apps.core.views.bad_request"
handler403 = "apps.core.views.forbidden"
handler404 = "apps.core.views.not_found"
handler500 = "apps.core.views.server_error"
