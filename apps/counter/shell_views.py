"""What a phone installs: the manifest, the icon, the service worker, the page without signal.

Nobody's data is in any of it, so that a phone may keep it whoever is signed in.
"""

import json
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.core.doors import public
from apps.counter import icon
from apps.counter.shell import edition
from apps.shops.models import Shop
from apps.shops.requests import ShopRequest

FOREVER = "public, max-age=31536000, immutable"
PAPER = "#faf6ef"


def _icon(shop: Shop, size: int, purpose: str = "any") -> dict[str, Any]:
    path = reverse("counter-icon", args=[icon.digest(shop), size])
    return {"src": path, "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}


@public
@require_safe
def manifest(request: ShopRequest) -> HttpResponse:
    """The counter as an application of its own, in the shop's name and colour."""
    shop, home = request.shop, reverse("counter")
    said = {
        "id": home,
        "name": shop.name,
        "short_name": shop.name if len(shop.name) <= 14 else "Comptoir",
        "description": f"Le comptoir de {shop.name}, avec ou sans réseau.",
        "lang": "fr",
        "start_url": home,
        "scope": home,
        "display": "standalone",
        "background_color": PAPER,
        "theme_color": shop.accent,
        "icons": [
            *(_icon(shop, size) for size in icon.SIZES),
            _icon(shop, icon.SIZES[-1], "maskable"),
        ],
    }
    return JsonResponse(said, content_type="application/manifest+json")


@public
@require_safe
def picture(request: ShopRequest, digest: str, size: int) -> HttpResponse:
    """The icon, cached for ever under its digest."""
    shop = request.shop
    if size not in icon.SIZES:
        raise Http404
    if digest != icon.digest(shop):
        return HttpResponseRedirect(reverse("counter-icon", args=[icon.digest(shop), size]))
    png = icon.drawn(shop.accent, icon.initial(shop), size)
    return HttpResponse(png, content_type="image/png", headers={"Cache-Control": FOREVER})


@public
@never_cache
@require_safe
def page(request: ShopRequest) -> HttpResponse:
    """The counter without signal: filled on the phone from what it keeps."""
    return render(request, "counter/shell.html", {"without_signal": True})


@public
@never_cache
@require_safe
def worker(request: ShopRequest) -> HttpResponse:
    """The service worker: which edition, of which files; another edition is another text."""
    now = edition(request.shop, page(request).content)
    said = {"edition": now.name, "first": now.first, "later": now.later, "page": now.first[0]}
    script = (
        f"self.COMPTOIR = {json.dumps(said)};\n"
        f"importScripts({json.dumps(static('js/counter-worker.js'))});\n"
    )
    return HttpResponse(script, content_type="text/javascript")
