"""Sessions as each host needs them, and the doors."""

import time
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user,
)
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from apps.accounts import devices
from apps.accounts.models import Membership, User
from apps.core.roles import Right

ADMIN_IDLE_SECONDS = 30 * 60
_STRICT_COOKIES = (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)


class HostSessionMiddleware(SessionMiddleware):
    """On the admin's host: SameSite=Strict, ends with the browser and after 30 idle minutes.
    On a phone of the shop: ends when nobody has touched it for a while."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        if not request.is_admin_host:  # type: ignore[attr-defined]
            return
        session, now = request.session, int(time.time())
        seen = session.get("seen_at")
        if seen is not None and now - seen > ADMIN_IDLE_SECONDS:
            session.flush()
        elif session.session_key and (seen is None or now - seen > 60):
            session["seen_at"] = now
            session.set_expiry(0)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        # allauth asks for two weeks when it signs in; here a session ends with the browser.
        session = request.session
        lasting = session.accessed and not session.is_empty()
        if request.is_admin_host and lasting and not session.get_expire_at_browser_close():  # type: ignore[attr-defined]
            session.set_expiry(0)
        if session.accessed and "device" in session:
            devices.keep_awake(session)
        response = super().process_response(request, response)  # type: ignore[assignment]
        if request.is_admin_host:  # type: ignore[attr-defined]
            for name in _STRICT_COOKIES:
                if name in response.cookies:
                    response.cookies[name]["samesite"] = "Strict"
        return response


class PersonMiddleware(AuthenticationMiddleware):
    """``request.user`` and ``request.membership``, both read with the session, when asked for."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _person(request))  # type: ignore[assignment]
        request.membership = SimpleLazyObject(lambda: _membership(request))  # type: ignore[attr-defined]


def _person(request: HttpRequest) -> User | AnonymousUser:
    """Whose session it is, while their sign-in stands; in every other case Django decides,
    and ends the session where it must."""
    session = request.session
    number = session.get(SESSION_KEY)  # reads the session, and the person with it
    person: User | None = session.person  # type: ignore[attr-defined]
    stands = (
        person is not None
        and number == str(person.pk)
        and person.is_active
        and session.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
        and constant_time_compare(session.get(HASH_SESSION_KEY, ""), person.get_session_auth_hash())
    )
    return person if person and stands else get_user(request)  # type: ignore[return-value]


def _membership(request: HttpRequest) -> Membership | None:
    shop = request.shop  # type: ignore[attr-defined]
    if shop is None or not request.user.is_authenticated:
        return None
    session = request.session
    if session.person and session.person.pk == request.user.pk:  # type: ignore[attr-defined]
        found: Membership | None = session.membership  # type: ignore[attr-defined]
    else:
        found = Membership.objects.filter(shop=shop, user_id=request.user.pk).first()
    if found is not None:
        found.device, found.by_pin = session.get("device"), "by_pin" in session
    return found


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    on_shop = request.shop is not None  # type: ignore[attr-defined]
    path = "/entree/" if on_shop else settings.LOGIN_URL
    if on_shop and devices.COOKIE in request.COOKIES and request.path.startswith("/comptoir/"):
        path = "/comptoir/qui/"
    back = request.get_full_path() if request.method == "GET" else "/"
    target = f"{path}?{urlencode({'vers' if on_shop else 'next': back})}"
    if getattr(request, "htmx", False):
        return HttpResponse(status=204, headers={"HX-Redirect": target})
    if "application/json" in request.headers.get("Accept", ""):
        return HttpResponse(status=401)
    return HttpResponseRedirect(target)


class DoorMiddleware:
    """Lets in whom the view's door names; a view without a door is closed to all."""

    def __init__(self, get_response):  # type: ignore[no-untyped-def]
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        return response

    def process_view(self, request, view, args, kwargs) -> HttpResponse | None:  # type: ignore[no-untyped-def]
        door = getattr(view, "door", None)
        if door == "public" or (door is None and _keeps_its_own_door(view)):
            return None
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        member = request.membership
        if door == "signed_in" and not (member and member.by_pin):
            return None
        if isinstance(door, Right) and member and member.may(door):
            return None
        raise PermissionDenied


def _keeps_its_own_door(view) -> bool:  # type: ignore[no-untyped-def]
    """The admin's pages ask their site's ``has_permission`` (see ``ops.admin_site``)."""
    return hasattr(view, "admin_site") or hasattr(view, "model_admin")
