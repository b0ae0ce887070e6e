"""What the links of a message open: the way on, and a voucher with its QR."""

from urllib.parse import urlsplit

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.campaigns import codes, links
from apps.campaigns.models import Address
from apps.campaigns.personal import shown
from apps.core.doors import customers
from apps.core.network import client_address
from apps.core.ratelimit import Limit, allowed
from apps.core.refusal import Refusal
from apps.loyalty import card_code
from apps.shops.requests import ShopRequest

# Counted only when nothing is found: who opens their own voucher is never stopped.
WRONG_CODES = Limit("voucher:address", 30, 600)


def _somebody(request: ShopRequest) -> bool:
    return not links.is_program(request.headers.get("User-Agent", ""))


@customers
@never_cache
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def onward(request: ShopRequest, door: str, number: str, token: str) -> HttpResponse:
    """To the card, from a message. The page's script posts here, without a cookie: a click."""
    if request.method == "POST":
        if _somebody(request):
            links.card_opened(door, number, token, timezone.now())
        return HttpResponse(status=204)
    to = reverse("card", args=[token])
    return render(request, "campaigns/public/onward.html", {"to": to})


@customers
@never_cache
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def outward(request: ShopRequest, door: str, number: str, key: str, token: str) -> HttpResponse:
    """To a page that the shop named in a message, and to no other; a click as in ``onward``."""
    address = get_object_or_404(Address, key=key)
    if request.method == "POST":
        if _somebody(request):
            links.address_opened(door, number, key, token, timezone.now())
        return HttpResponse(status=204)
    context = {"to": address.url, "host": urlsplit(address.url).hostname}
    return render(request, "campaigns/public/onward.html", context)


@customers
@never_cache
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def voucher(request: ShopRequest, code: str) -> HttpResponse:
    """It shows nobody's name: whoever holds the address learns what the code gives.

    Its script posts here, without a cookie: a click.
    """
    try:
        send = codes.send_of(codes.read(code))
        if request.method == "POST":
            if _somebody(request):
                links.voucher_opened(send, timezone.now())
            return HttpResponse(status=204)
    except Refusal:
        status = 404 if allowed(WRONG_CODES, client_address(request)) else 429
        return render(request, "campaigns/public/no_voucher.html", status=status)
    over = codes.expired(send.source.offer_until, timezone.now())
    spent = codes.standing_use(send)
    context = {
        "source": send.source,
        "said": shown(code),
        "spent": spent,
        "over": over,
        "qr": "" if over or spent else card_code.svg(f"{request.shop.url}/comptoir/code/", code),
    }
    response = render(request, "campaigns/public/voucher.html", context)
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
