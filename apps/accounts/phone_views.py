"""At a phone of the shop: it is paired, then whoever stands there says who they are."""

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts import devices, pins
from apps.accounts.forms import PairingForm
from apps.accounts.models import Pin
from apps.core.doors import public
from apps.core.network import client_address, safe_path
from apps.core.refusal import Refusal
from apps.shops.requests import ShopRequest


def _on_with(request: ShopRequest) -> str:
    """Where the person was going, if it was to the counter."""
    path = safe_path(request.GET.get("vers", ""))
    return path if path.startswith("/comptoir/") else ""


def _keep(response: HttpResponse, key: str) -> HttpResponse:
    response.set_cookie(
        devices.COOKIE,
        key,
        max_age=devices.COOKIE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def pair(request: ShopRequest) -> HttpResponse:
    """Reading the page pairs nothing; who was signed in in this browser is out afterwards."""
    now = timezone.now()
    if devices.at(request, now):
        return redirect("who")
    status = 200
    form = PairingForm(request.POST or None, initial={"code": request.GET.get("code", "")[:20]})
    if request.method == "POST" and form.is_valid():
        try:
            _device, key = devices.pair(
                code=form.cleaned_data["code"], address=client_address(request), now=now
            )
        except Refusal as refusal:
            form.add_error("code", str(refusal))
            status = refusal.status
        else:
            request.session.flush()
            return _keep(redirect("who"), key)
    context = {"form": form, "was_paired": devices.COOKIE in request.COOKIES}
    return render(request, "accounts/phone/pair.html", context, status=status)


@public
@never_cache
@require_safe
def who(request: ShopRequest) -> HttpResponse:
    """« Qui est là ? »"""
    device = devices.at(request, timezone.now())
    if device is None:
        return redirect("pair")
    query = urlencode({"vers": _on_with(request)})
    context = {"device": device, "people": pins.people(request.shop), "query": query}
    response = render(request, "accounts/phone/who.html", context)
    return _keep(response, request.COOKIES[devices.COOKIE])


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enter_pin(request: ShopRequest, pk: int) -> HttpResponse:
    """The person's digits, on great keys."""
    now = timezone.now()
    device = devices.at(request, now)
    if device is None:
        return redirect("pair")
    known = Pin.objects.select_related("user").filter(shop=request.shop, user__is_active=True)
    pin = get_object_or_404(known, pk=pk)
    error, status = str(pins.PinLocked()) if pin.locked_at else "", 200
    if request.method == "POST":
        try:
            user = pins.enter(pin=pin, digits=request.POST.get("pin", ""), device=device, now=now)
            devices.begin_session(request, user, device, by_pin=True)
        except Refusal as refusal:
            error, status = str(refusal), refusal.status
        else:
            return redirect(_on_with(request) or "/comptoir/")
    query = urlencode({"vers": _on_with(request)})
    context = {"pin": pin, "person": pin.user, "error": error, "query": query}
    return render(request, "accounts/phone/pin.html", context, status=status)
