"""Request ids, news for open pages, security headers, and business refusals as pages."""

import logging
import time
import uuid

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.shortcuts import render
from django.utils.translation import gettext as _

from apps.core import live
from apps.core.logs import request_id, shop_schema
from apps.core.refusal import Refusal

logger = logging.getLogger("comptoir.request")

CSP = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'{forms}; frame-ancestors 'none'"
)


class RequestIdMiddleware:
    """Names each request, sets the log context, writes one line when it is answered."""

    def __init__(self, get_response):  # type: ignore[no-untyped-def]
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = uuid.uuid4().hex[:16]
        request_id.set(name)
        shop_schema.set("")
        began = time.monotonic()
        response: HttpResponse = self.get_response(request)
        response["X-Request-Id"] = name
        match = request.resolver_match
        # The route, never the path: paths carry tokens.
        extra = {
            "status": response.status_code,
            "method": request.method,
            "view": match.route if match else "",
            "ms": round((time.monotonic() - began) * 1000, 1),
        }
        if response.status_code != 304:  # an open page asks all day long
            logger.info("request", extra=extra)
        return response


class LiveMiddleware:
    """Answers an open page that asks for news (``core.live``): 304 while what it shows stands,
    else 204; the page then asks for itself, and its own door judges who may see.

    Before the host, the session and the languages: it is asked all day long, and its address says
    by itself which shop's news it tells.
    """

    def __init__(self, get_response):  # type: ignore[no-untyped-def]
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(live.PATH):
            response: HttpResponse = self.get_response(request)
            return response
        try:
            tag = f'"{live.version(request.path.removeprefix(live.PATH))}"'
        except live.NothingToFollow:
            return HttpResponseNotFound()
        same = request.headers.get("If-None-Match") == tag
        headers = {"ETag": tag, "Cache-Control": "no-store"}
        return HttpResponse(status=304 if same else 204, headers=headers)


class HeadersMiddleware:
    """CSP without ``unsafe-inline``, and no camera or sensor but for the counter's own."""

    def __init__(self, get_response):  # type: ignore[no-untyped-def]
        self.get_response = get_response
        suffix = settings.PORT_SUFFIX
        platform = f"{settings.SCHEME}://{settings.PLATFORM_HOST}{suffix}"
        # Chrome applies form-action to the redirects a form's answer makes: signing in on
        # a shop passes by the platform's host, and the other way round.
        shops = f"{settings.SCHEME}://*.{settings.PLATFORM_HOST}{suffix}"
        self.csp = CSP.format(forms=" " + " ".join([platform, shops, *settings.FORM_TARGETS]))

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        response.setdefault("Content-Security-Policy", self.csp)
        response.setdefault("Permissions-Policy", "camera=(self), microphone=(), geolocation=()")
        response.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        return response


class BodyLimitMiddleware:
    """Weighs a request before anything reads it: the CSRF check would spool a whole upload.

    A body without a Content-Length is empty to WSGI, so the header is enough.
    """

    def __init__(self, get_response):  # type: ignore[no-untyped-def]
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        return response

    def process_view(self, request, view, args, kwargs) -> HttpResponse | None:  # type: ignore[no-untyped-def]
        weight = int(request.META.get("CONTENT_LENGTH") or 0)
        limit = getattr(view, "max_bytes", settings.MAX_BODY_BYTES)
        if weight <= limit:
            return None
        self._drain(request, weight)
        sentence = _("Ce fichier est trop lourd : %(size)d Mo au plus.") % {"size": limit // 10**6}
        name = "refusal.html#notice" if request.headers.get("HX-Request") else "refusal.html"
        return render(request, name, {"sentence": sentence}, status=413)

    @staticmethod
    def _drain(request: HttpRequest, weight: int) -> None:
        # A browser shows the answer only once it has sent all; more than this is cut off.
        if weight <= 64_000_000:
            while request.read(1 << 20):
                pass


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """A refusal as a page, or as the line that htmx puts in its place."""
    name = "refusal.html#notice" if getattr(request, "htmx", False) else "refusal.html"
    return render(request, name, {"sentence": str(refusal)}, status=refusal.status)


class RefusalMiddleware:
    """A ``Refusal`` that no view caught: its sentence, its status, the way back."""

    def __init__(self, get_response):  # type: ignore[no-untyped-def]
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return refused(request, error) if isinstance(error, Refusal) else None
