"""The platform's host: landing, sign-up, the shops of a person, webhooks."""

from django.urls import URLPattern, URLResolver

from apps.accounts import urls as accounts
from apps.invoicing import urls as invoicing
from apps.messaging import urls as messaging
from apps.ops import urls as ops
from apps.payments import urls as payments
from apps.shops import urls as shops

urlpatterns: list[URLPattern | URLResolver] = [
    *messaging.provider_urls,  # first: they come by the hundred a second
    *payments.provider_urls,
    *accounts.platform_urls,
    *invoicing.platform_urls,
    *ops.platform_urls,
    *shops.platform_urls,
]
handler400 = "apps.core.views.bad_request"
handler403 = "apps.core.views.forbidden"
handler404 = "apps.core.views.not_found"
handler500 = "apps.core.views.server_error"
