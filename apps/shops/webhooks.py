"""What a TLS front such as Caddy asks before it has a certificate made for a host."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.core.doors import public
from apps.shops.middleware import shop_of_host


@public
@require_safe
def may_have_certificate(request: HttpRequest) -> HttpResponse:
    """200 for the platform's hosts and a proven host of an open shop, else 404, and no word more.

    Caddy: ``on_demand_tls { ask https://<platform host>/webhooks/tls/ }``.
    """
    host = request.GET.get("domain", "").strip().lower().rstrip(".")
    ours = host in {settings.PLATFORM_HOST, settings.ADMIN_HOST}
    return HttpResponse(status=200 if ours or (host and shop_of_host(host)) else 404)
