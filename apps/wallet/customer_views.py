"""The pictures of a pass, for whoever shows it: they say a shop's look and a number of stamps."""

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from apps.core.doors import public
from apps.shops.requests import ShopRequest
from apps.wallet.pictures import address_of, emblem_of, strip_of


@public
@require_safe
def picture(request: ShopRequest, what: str, mark: str) -> HttpResponse:
    """One that we have named: with another mark there is none, and nothing is drawn."""
    if address_of(request.shop, what) != request.path:
        raise Http404
    drawn = emblem_of(request.shop) if what == "emblem" else _strip(request, what)
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return HttpResponse(drawn, content_type="image/png", headers=kept)


def _strip(request: ShopRequest, what: str) -> bytes:
    _kind, places, filled, gifts = what.split("-")
    return strip_of(request.shop, int(places), int(filled), [int(at) for at in gifts.split(".")])
