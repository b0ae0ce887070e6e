"""« Parrainage » : who brought whom, and what it gave."""

from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.audit.services import record
from apps.core.doors import door
from apps.core.roles import Right
from apps.loyalty import referral_queries
from apps.loyalty.services import the_programme

PER_PAGE = 30


@door(Right.LOYALTY_RULES)
@require_safe
def referrals(request: TeamRequest) -> HttpResponse:
    """What it gave, and everybody who was brought, the latest first."""
    programme, found = the_programme(), referral_queries.figures()
    page = Paginator(referral_queries.every(), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "loyalty",
        "promise": programme.promise,
        "figures": found,
        "given": programme.counts.said(found.given),
        "page": page,
        "lines": referral_queries.lines(page.object_list),
    }
    return render(request, "loyalty/referrals.html", context)


@door(Right.IMPORT_EXPORT)
@require_safe
def export(request: TeamRequest) -> StreamingHttpResponse:
    """All of them, for a spreadsheet."""
    record(actor(request), "referral.exported", "shop", request.shop.pk)
    name = f"{request.shop.slug}-parrainages-{timezone.localdate().isoformat()}.csv"
    return StreamingHttpResponse(
        referral_queries.as_csv(request.shop.schema_name),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )
