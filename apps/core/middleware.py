"""Request ids, security headers, and business refusals as pages."""

import logging
import time
import uuid

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

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
        logger.info("request", extra=extra)
        return response


class HeadersMiddleware:
    """CSP without ``unsafe-inline``, and no camera or sensor but for the counter's own."""

    def __init__(self, get_response):  # type: ignore[no-untyped-def]
        self.get_response = get_response
        suffix = settings.PORT_SUFFIX
        platform = f"{settings.SCHEME}://{settings.PLATFORM_HOST}{suffix}"
        # Chrome applies form-action to the redirects a form's answer makes: signing in on
        # a shop passes by the platform's host, and the other way round.
        shops = f"{settings.SCHEME}://*.{settings.PLATFORM_HOST}{suffix}"
        self.csp = CSP.format(forms=f" {platform} {shops}")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        response.setdefault("Content-Security-Policy", self.csp)
        response.setdefault("Permissions-Policy", "camera=(self), microphone=(), geolocation=()")
        response.setdefault("X-Frame-Options", "DENY")
        response.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        return response


class RefusalMiddleware:
    """A ``Refusal`` that no view caught: its sentence, its status, the way back."""

    def __init__(self, get_response):  # type: ignore[no-untyped-def]
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, Refusal):
            return None
        name = "refusal.html#notice" if getattr(request, "htmx", False) else "refusal.html"
        return render(request, name, {"sentence": str(error)}, status=error.status)
