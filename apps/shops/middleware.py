"""The host decides: a shop's schema, the platform, its admin, or a plain 404."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.http.request import split_domain_port
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from apps.core.logs import shop_schema
from apps.core.middleware import refused
from apps.core.reading import columns, instance, one
from apps.core.tenancy import stood_in, use_public
from apps.shops.ledger import may_work
from apps.shops.models import Shop
from apps.shops.standing import RESTS, ReadOnly, check_may_write

UNKNOWN = "Aucune boutique à cette adresse.\n"
BACK_SOON = 15  # seconds


# Named with their schema: they are read from wherever the last request left the connection.
_FROM_HOST = """
FROM public.shops_domain d JOIN public.shops_shop s ON s.schema_name = d.shop_schema
WHERE d.domain = %s AND d.verified_at IS NOT NULL AND s.closed_at IS NULL
"""
_FIND = f"SELECT {columns(Shop, 's')} {_FROM_HOST}"
# Found and stepped into by one statement.
_ENTER = f"""SELECT {columns(Shop, "s")},
    set_config('search_path', quote_ident(s.schema_name) || ', public', false) {_FROM_HOST}"""


def shop_of_host(host: str) -> Shop | None:
    """The open shop that answers at ``host`` (no port), or None."""
    row = one(_FIND, [host])
    return instance(Shop, row) if row else None


def _enter(host: str) -> Shop | None:
    """Like ``shop_of_host``; the connection stands in the shop's schema afterwards."""
    row = one(_ENTER, [host])
    if row is None:
        return None
    shop: Shop = instance(Shop, row)
    stood_in(shop)
    return shop


def _updating(request: HttpRequest, name: str = "") -> HttpResponse:
    """The code is ahead of the schema of the shop ``name``, or of the shared tables: nothing is
    read or written until ``migrate_shops`` ran."""
    was_sent = request.method not in ("GET", "HEAD")
    again = "/" if was_sent else request.get_full_path()
    context = {"name": name, "was_sent": was_sent, "again": again}
    page = render_to_string("shops/updating.html", context)
    # A page that was read comes back by itself; what was sent is not sent again unasked.
    headers = {"Retry-After": str(BACK_SOON), "Cache-Control": "no-store"}
    if not was_sent:
        headers["Refresh"] = str(BACK_SOON)
    return HttpResponse(page, status=503, headers=headers)


class HostMiddleware:
    """Sets ``request.shop`` (None on the platform's hosts), the schema, the clock and the URLs.

    Schema and clock are set anew at each request and stand when it is answered: an export is
    still streaming then.
    """

    def __init__(self, get_response):  # type: ignore[no-untyped-def]
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        timezone.deactivate()
        host = split_domain_port(request.META.get("HTTP_HOST", "").lower())[0]
        request.shop = None  # type: ignore[attr-defined]
        request.is_admin_host = host == settings.ADMIN_HOST  # type: ignore[attr-defined]
        if not may_work(None):
            return _updating(request)
        if host == settings.PLATFORM_HOST:
            use_public()
            request.urlconf = settings.PUBLIC_SCHEMA_URLCONF
        elif host == settings.ADMIN_HOST:
            use_public()
            request.urlconf = settings.ADMIN_URLCONF
        else:
            shop = _enter(host) if host else None
            if shop is None:
                use_public()
                return HttpResponseNotFound(UNKNOWN, content_type="text/plain; charset=utf-8")
            if not may_work(shop):
                return _updating(request, shop.name)
            request.shop = shop  # type: ignore[attr-defined]
            request.tenant = shop  # type: ignore[attr-defined]
            request.urlconf = settings.ROOT_URLCONF
            timezone.activate(shop.zone)
            shop_schema.set(shop.schema_name)
        response: HttpResponse = self.get_response(request)
        if request.shop and host != request.shop.host and request.is_secure():  # type: ignore[attr-defined]
            # On the merchant's own name we speak for this host alone: their other hosts
            # (mail, an old site) may not have HTTPS.
            response["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
        return response


class StandingMiddleware:
    """Nothing is written in the office of a shop that is read only (``shops.standing``)."""

    def __init__(self, get_response):  # type: ignore[no-untyped-def]
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        return response

    def process_view(self, request, view, args, kwargs) -> HttpResponse | None:  # type: ignore[no-untyped-def]
        reads = request.method in ("GET", "HEAD") or getattr(view, "only_reads", False)
        if request.shop is None or reads or getattr(view, "door", None) not in RESTS:
            return None
        try:
            check_may_write(request.shop, timezone.now())
        except ReadOnly as refusal:
            return refused(request, refusal)
        return None


class LanguageMiddleware:
    """Customers read in their own language (the ``langue`` cookie, else the browser's).

    The team's pages are French: only a door marked public for customers is translated.
    """

    def __init__(self, get_response):  # type: ignore[no-untyped-def]
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        translation.activate(settings.LANGUAGE_CODE)
        try:
            response: HttpResponse = self.get_response(request)
            response.setdefault("Content-Language", translation.get_language())
            if getattr(request, "is_translated", False):
                patch_vary_headers(response, ("Accept-Language", "Cookie"))
            return response
        finally:
            translation.deactivate()

    def process_view(self, request, view, args, kwargs) -> None:  # type: ignore[no-untyped-def]
        if not getattr(view, "for_customers", False):
            return
        request.is_translated = True
        wanted = request.COOKIES.get("langue", "")
        known = {code for code, _ in settings.LANGUAGES}
        translation.activate(
            wanted if wanted in known else translation.get_language_from_request(request)
        )
