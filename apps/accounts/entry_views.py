"""A shop's own door for its team: in from the platform's sign-in, and out."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import devices, pins
from apps.accounts.handover import read_word, state_hash
from apps.accounts.models import Membership
from apps.accounts.services import end_sessions, home_of
from apps.core.doors import public, signed_in
from apps.core.network import client_address, safe_path
from apps.core.ratelimit import Limit, spend
from apps.core.refusal import Refusal
from apps.core.tokens import new_token
from apps.shops.requests import ShopRequest

STATE_COOKIE, STATE_SECONDS = "entree", 600
ARRIVALS = Limit("handover", 60, 600)


class NotOfTheTeam(Refusal):
    message = _("Vous ne faites pas partie de l’équipe de cette boutique.")
    status = 403


def _platform() -> str:
    return f"{settings.SCHEME}://{settings.PLATFORM_HOST}{settings.PORT_SUFFIX}"


@public
@never_cache
@require_safe
def enter(request: ShopRequest) -> HttpResponse:
    """Leave a state in this browser and go and fetch a word for it."""
    path = safe_path(request.GET.get("vers", ""))
    membership = request.membership  # type: ignore[attr-defined]
    if membership and not membership.by_pin:
        return HttpResponseRedirect(path or home_of(membership.role))
    state = new_token()
    host = request.get_host().split(":")[0]
    asked = {"etat": state_hash(state), "vers": path, "hote": host}
    if devices.COOKIE in request.COOKIES:
        asked["partage"] = "1"
    way = f"{_platform()}/boutiques/{request.shop.slug}/entrer/?{urlencode(asked)}"
    response = HttpResponseRedirect(way)
    response.set_cookie(
        STATE_COOKIE,
        state,
        max_age=STATE_SECONDS,
        path="/entree/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


@public
@never_cache
@require_safe
def arrive(request: ShopRequest) -> HttpResponse:
    """The word is spent; from here on this host knows the person."""
    spend(ARRIVALS, client_address(request))
    arrival = read_word(
        request.GET.get("jeton", ""),
        schema=request.shop.schema_name,
        state=request.COOKIES.get(STATE_COOKIE, ""),
    )
    membership = Membership.objects.filter(shop=request.shop, user=arrival.user).first()
    if membership is None:
        raise NotOfTheTeam()
    pins.unlock(by=membership, user_id=arrival.user.pk)
    device = devices.at(request, timezone.now())
    if device:
        devices.begin_session(request, arrival.user, device)
    else:
        login(request, arrival.user, backend=settings.AUTHENTICATION_BACKENDS[0])
    response = HttpResponseRedirect(arrival.path or home_of(membership.role))
    response.delete_cookie(STATE_COOKIE, path="/entree/", samesite="Lax")
    return response


@public
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """End this host's session; the platform's own goes on, and the page says so. At a phone of
    the shop it is the next person's turn."""
    at_phone = "device" in request.session
    logout(request)
    if at_phone:
        return redirect("who")
    return render(request, "accounts/left.html")


@signed_in
@require_POST
def leave_everywhere(request: HttpRequest) -> HttpResponse:
    """End every session of the person: all shops, the platform, all devices."""
    end_sessions(request.user)  # type: ignore[arg-type]
    logout(request)
    return render(request, "accounts/left.html", {"everywhere": True})
