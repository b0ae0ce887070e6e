"""What a customer shows at the counter: a code, what it gives, and its QR."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.campaigns import codes
from apps.campaigns.personal import shown
from apps.core.doors import customers
from apps.core.network import client_address
from apps.core.ratelimit import Limit, allowed
from apps.core.refusal import Refusal
from apps.loyalty import card_code
from apps.shops.requests import ShopRequest

# Counted only when nothing is found: who opens their own voucher is never stopped.
WRONG_CODES = Limit("voucher:address", 30, 600)


@customers
@never_cache
@require_safe
def voucher(request: ShopRequest, code: str) -> HttpResponse:
    """It shows nobody's name: whoever holds the address learns what the code gives."""
    try:
        send = codes.send_of(codes.read(code))
    except Refusal:
        status = 404 if allowed(WRONG_CODES, client_address(request)) else 429
        return render(request, "campaigns/public/no_voucher.html", status=status)
    over = codes.expired(send.drop.offer_until, timezone.now())
    spent = codes.standing_use(send)
    context = {
        "drop": send.drop,
        "said": shown(code),
        "spent": spent,
        "over": over,
        "qr": "" if over or spent else card_code.svg(f"{request.shop.url}/comptoir/code/", code),
    }
    response = render(request, "campaigns/public/voucher.html", context)
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
