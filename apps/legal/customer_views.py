"""The texts on the shop's public pages: the one in force, those before it, on paper."""

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.core.doors import customers
from apps.invoicing.services import the_terms
from apps.legal.models import Kind, Version
from apps.legal.places import place_of
from apps.legal.printing import drawn
from apps.legal.queries import sale_terms, versions
from apps.legal.reading import blocks
from apps.legal.wording import write
from apps.shops.requests import ShopRequest

FOREVER = "public, max-age=31536000, immutable"


def _title(kind: Kind) -> str:
    return {
        Kind.SALES: _("Conditions générales de vente"),
        Kind.WITHDRAWAL: _("Rétractation"),
        Kind.NOTICE: _("Mentions légales"),
    }[kind]


@customers
@require_safe
def text(request: ShopRequest, kind: Kind, number: int | None = None) -> HttpResponse:
    """The words themselves are French, whatever the visitor speaks: they are the contract. The law
    wants its notice from the first day (LCEN art. 6): before a version stands, it is today's."""
    held = list(versions(kind))
    shown = next((one for one in held if number in (None, one.number)), None)
    if shown is None and (number or kind != Kind.NOTICE):
        raise Http404
    body = shown.body if shown else write(kind, request.shop, the_terms(), sale_terms())
    context = {
        "title": _title(kind),
        "kind": kind,
        "place": place_of(kind),
        "shown": shown,
        "versions": held,
        "in_force": held[0] if held else None,
        "blocks": blocks(body),
    }
    return render(request, "legal/public/text.html", context)


@customers
@require_safe
def file(request: ShopRequest, kind: Kind, number: int) -> HttpResponse:
    """A version on paper; of the withdrawal text, the form to fill in."""
    found = get_object_or_404(Version, kind=kind, number=number)
    headers = {
        "Content-Disposition": f'inline; filename="{place_of(kind)}-{request.shop.slug}.pdf"',
        "Cache-Control": FOREVER,
    }
    return HttpResponse(drawn(found, request.shop), "application/pdf", headers=headers)
