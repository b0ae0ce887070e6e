"""The pages a customer's link opens: what the shop may send, and stop."""

from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.contacts import channels
from apps.contacts.models import Channel, ConsentState, Contact, Source
from apps.core.actor import Actor
from apps.core.doors import customers, public
from apps.core.network import safe_path
from apps.core.ratelimit import Limit, spend
from apps.messaging.stops import agree, stop, undo_stop
from apps.messaging.subscribing import subscribe, unsubscribe
from apps.shops.requests import ShopRequest

SUBSCRIPTIONS = Limit("subscribe", 20, 3600)


def _person(token: str) -> Contact:
    """Whom the link speaks for today: a merged record's link still works."""
    contact = get_object_or_404(Contact, link_token=token)
    while contact.merged_into is not None:
        contact = contact.merged_into
    return contact


def _stop_now(contact: Contact, channel: str) -> None:
    own_word = Actor("customer", contact.pk)
    stop(contact, channel, source=Source.MESSAGE, by=own_word, now=timezone.now())


@customers
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def choices(request: ShopRequest, token: str) -> HttpResponse:
    """Each channel with its one-tap button. Looking at the page changes nothing.

    It shows no name, number or address: whoever holds a forwarded link learns nothing.
    """
    contact = _person(token)
    if request.method == "POST":
        channel = request.POST.get("canal", "")
        if channel in channels.names():
            acts = {"reprendre": undo_stop, "accepter": agree}
            acts.get(request.POST.get("geste", ""), _stop_now)(contact, channel)
        return HttpResponseRedirect(request.path)
    ways = [way for way in channels.of(contact, request.shop) if way.address_of(contact)]
    context = {
        "ways": [(way, way.consent_of(contact), way.proven_at(contact)) for way in ways],
        "listening": {ConsentState.GRANTED, ConsentState.PENDING},
    }
    return render(request, "messaging/choices.html", context)


@customers
@never_cache
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def one_click(request: HttpRequest, token: str) -> HttpResponse:
    """RFC 8058: the mail program posts, without cookie or page. A GET only leads to the page."""
    if request.method == "POST":
        _stop_now(_person(token), Channel.EMAIL)
        return HttpResponse(status=200, content_type="text/plain")
    return HttpResponseRedirect(f"/stop/{token}/")


@customers
@never_cache
@require_POST
def news(request: ShopRequest, token: str) -> HttpResponse:
    """The card page's button: the news on this phone, or no more of it."""
    contact, now = _person(token), timezone.now()
    if request.POST.get("geste") == "arreter":
        unsubscribe(contact, now)
    else:
        spend(SUBSCRIPTIONS, contact.pk)
        subscribe(contact, request.POST.get("abonnement", ""), shop=request.shop, now=now)
    return HttpResponseRedirect(safe_path(request.POST.get("vers", "")) or "/")


@public
@require_safe
def news_worker(request: HttpRequest) -> HttpResponse:
    """The script that shows notifications; where it lies, it answers for the cards alone."""
    headers = {"Cache-Control": "no-cache"}
    return HttpResponse(_worker(), content_type="text/javascript", headers=headers)


@public
@require_safe
def card_app(request: ShopRequest) -> HttpResponse:
    """What a card becomes on a phone's home screen, where alone Safari takes notifications.

    It names no ``start_url``: it opens the card from which it was laid there.
    """
    shop = request.shop
    said = {
        "name": shop.name,
        "short_name": shop.name[:14],
        "display": "standalone",
        "theme_color": shop.accent,
        "background_color": "#faf6ef",
        "icons": [{"src": shop.logo_url, "sizes": "any"}] if shop.logo else [],
    }
    return JsonResponse(said, content_type="application/manifest+json")


@cache
def _worker() -> str:
    return (settings.BASE_DIR / "static" / "js" / "news-worker.js").read_text()


@public
@never_cache
@require_safe
def short_link(request: HttpRequest, token: str) -> HttpResponse:
    """The link as an SMS can afford it."""
    return HttpResponseRedirect(f"/stop/{token}/")
