"""What anybody may fetch from a shop's host: its colours, its logo, its language switch."""

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from apps.core.doors import customers, public
from apps.core.network import safe_path
from apps.shops.requests import ShopRequest
from apps.shops.theme import theme_css, theme_digest

FOREVER = "public, max-age=31536000, immutable"
A_YEAR = 365 * 24 * 3600


@public
@require_safe
def theme(request: ShopRequest, digest: str) -> HttpResponse:
    """The shop's colour as a stylesheet, cached for ever under its digest."""
    accent = request.shop.accent
    if digest != theme_digest(accent):
        # A page kept open since the colour changed asks for the old name.
        return HttpResponseRedirect(request.shop.theme_url)
    headers = {"Cache-Control": FOREVER}
    return HttpResponse(theme_css(accent), content_type="text/css", headers=headers)


@public
@require_safe
def logo(request: ShopRequest, name: str) -> FileResponse:
    """The shop's logo; its stored name is a hash of its content."""
    wanted = request.shop.logo
    if not wanted or not wanted.endswith(f"/{name}") or not default_storage.exists(wanted):
        raise Http404
    response = FileResponse(default_storage.open(wanted), content_type="image/webp")
    response["Cache-Control"] = FOREVER
    return response


def _back(request: HttpRequest) -> str:
    return safe_path(request.POST.get("vers", "")) or "/"


@public
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """The visitor chose a language: kept in a cookie of this host, strictly necessary."""
    response = HttpResponseRedirect(_back(request))
    wanted = request.POST.get("langue", "")
    if wanted in {code for code, _ in settings.LANGUAGES}:
        secure = settings.SESSION_COOKIE_SECURE
        response.set_cookie(
            "langue", wanted, max_age=A_YEAR, secure=secure, httponly=True, samesite="Lax"
        )
    return response


@public
@require_POST
def appearance(request: HttpRequest) -> HttpResponse:
    """Light, dark, or as the device says."""
    response = HttpResponseRedirect(_back(request))
    wanted = request.POST.get("theme", "")
    if wanted in {"light", "dark"}:
        secure = settings.SESSION_COOKIE_SECURE
        response.set_cookie(
            "theme", wanted, max_age=A_YEAR, secure=secure, httponly=True, samesite="Lax"
        )
    else:
        response.delete_cookie("theme")
    return response


@customers
@require_safe
def personal_data(request: ShopRequest) -> HttpResponse:
    """What RGPD art. 13 asks a shop to say, from its settings."""
    platform = {
        "host": settings.PLATFORM_HOSTING,
        "service": settings.PLATFORM_PUBLISHER,
        "sms_by": {"twilio": "Twilio"}.get(settings.SMS_PROVIDER, ""),
        "mail_by": {"brevo": "Brevo"}.get(settings.EMAIL_PROVIDER, ""),
    }
    return render(request, "shops/personal_data.html", platform)
