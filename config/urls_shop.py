"""A shop's host: ``/gestion/`` the team, ``/comptoir/`` the helper's phone, ``/`` customers."""

from django.urls import URLPattern, URLResolver

from apps.loyalty import urls as loyalty
from apps.shops import urls as shops

urlpatterns: list[URLPattern | URLResolver] = [
    *loyalty.customer_urls,
    *shops.customer_urls,
]
handler400 = "apps.core.views.bad_request"
handler403 = "apps.core.views.forbidden"
handler404 = "apps.core.views.not_found"
handler500 = "apps.core.views.server_error"
