"""The team's doors to what a shop prints."""

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.accounts.requests import TeamRequest
from apps.core.doors import door
from apps.core.roles import Right
from apps.loyalty import printing
from apps.loyalty.queries import TAKEN_DAYS, taken_by_source
from apps.loyalty.services import the_programme

_TYPES = {"pdf": "application/pdf", "png": "image/png"}


@door(Right.LOYALTY_RULES)
@require_safe
def supports(request: TeamRequest) -> HttpResponse:
    """Each support as it will be printed; what is not drawn yet is asked for, and followed."""
    sheets = printing.sheets(request.shop, the_programme())
    missing = [sheet.support.key for sheet in sheets if not sheet.made]
    if missing and not request.htmx:
        printing.ask(missing)
    taken = taken_by_source(timezone.now())
    context = {
        "section": "loyalty",
        "shown": [(sheet, taken.get(sheet.support.source, 0)) for sheet in sheets],
        "made": len(sheets) - len(missing),
        "days": TAKEN_DAYS,
        "url": f"{request.shop.url}/",
    }
    page = "loyalty/supports.html#supports" if request.htmx else "loyalty/supports.html"
    return render(request, page, context)


@door(Right.LOYALTY_RULES)
@require_safe
def file(request: TeamRequest, key: str, digest: str, form: str) -> HttpResponseBase:
    """What lies in the storage; an older sheet's address leads back to today's."""
    if key not in printing.SUPPORTS or form not in printing.FORMS or not digest.isalnum():
        raise Http404
    try:
        stored = default_storage.open(printing.stored_name(key, digest, form))
    except FileNotFoundError:
        return redirect("supports")
    ending = printing.FORMS[form]
    named = f"{printing.SUPPORTS[key].file}{'-imprimeur' if form == 'printer' else ''}"
    return FileResponse(
        stored,
        filename=f"{named}-{request.shop.slug}.{ending}",
        content_type=_TYPES[ending],
        headers={"Cache-Control": "private, max-age=31536000, immutable"},
    )
