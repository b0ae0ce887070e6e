"""The admin's host: sign-in with a second factor, then Django admin for platform staff."""

from django.urls import URLPattern, URLResolver, path

from apps.accounts import urls as accounts
from apps.ops.admin_site import site

urlpatterns: list[URLPattern | URLResolver] = [
    *accounts.entrance_urls,
    path("", site.urls),
]
handler400 = "apps.core.views.bad_request"
handler403 = "apps.core.views.forbidden"
handler404 = "apps.core.views.not_found"
handler500 = "apps.core.views.server_error"
