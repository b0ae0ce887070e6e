"""What a TLS front such as Caddy asks before it has a certificate made for a host."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.core.doors import public
from apps.shops.middleware import shop_of_host


@public
@require_safe
def may_have_certificate(request: HttpRequest) -> HttpResponse:
    """200 for a proven host of an open shop, else 404; nothing more is said.

    Caddy: ``on_demand_tls { ask https://<platform host>/webhooks/tls/ }``.
    """
    host = request.GET.get("domain", "").strip().lower().rstrip(".")
    return HttpResponse(status=200 if host and shop_of_host(host) else 404)
