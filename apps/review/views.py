"""« À vérifier »: what the shop's own watch found odd, each with one tap to undo it."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.audit.services import record
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.core.sheets import STYLES, csv_pieces
from apps.review import kinds, queries, services
from apps.review.models import Case

PER_PAGE = 30


def _asked(request: TeamRequest) -> dict[str, Any]:
    """The filter, as the address or the form of a line says it."""
    said = request.GET
    kind, by = said.get("genre", ""), said.get("par", "")
    return {
        "decided": said.get("etat") == "vu",
        "kind": kind if kind in kinds.every() else "",
        "actor_id": int(by) if by.isdigit() and len(by) < 19 else None,
    }


def _context(request: TeamRequest, **more: Any) -> dict[str, Any]:
    asked, now = _asked(request), timezone.now()
    page = Paginator(queries.cases(**asked), PER_PAGE).get_page(request.GET.get("page"))
    return {
        "section": "loyalty",
        **asked,
        "page": page,
        "lines": queries.lines(page.object_list, now),
        "kinds": queries.kinds_present(),
        "people": queries.those_named(),
        "filtered": bool(asked["kind"] or asked["actor_id"]),
        **more,
    }


@door(Right.EDIT_CONTACTS)
@require_safe
def review(request: TeamRequest) -> HttpResponse:
    """What waits for a word, or (``?etat=vu``) what had it."""
    return render(request, "review/list.html", _context(request))


@door(Right.EDIT_CONTACTS)
@require_POST
def decide(request: TeamRequest, case_id: int) -> HttpResponse:
    """« C’est normal », or (``acte=annuler``) undone; the page without the line."""
    get_object_or_404(Case, pk=case_id, kind__in=kinds.every())
    by, now = actor(request), timezone.now()
    said, error, status = _("C’est noté."), "", 200
    try:
        if request.POST.get("acte") == "annuler":
            said = services.undo(case_id, by=by, now=now) or said
        else:
            said = services.find_fine(case_id, by=by, now=now) or said
    except Refusal as refusal:
        said, error, status = "", str(refusal), refusal.status
    if request.htmx or error:
        context = _context(request, said=said, error=error)
        return render(request, "review/list.html", context, status=status)
    messages.success(request, said, extra_tags="good")
    query = request.GET.urlencode()
    return HttpResponseRedirect(reverse("review") + (f"?{query}" if query else ""))


@door(Right.IMPORT_EXPORT)
@require_safe
def export(request: TeamRequest) -> StreamingHttpResponse:
    """The list as it is filtered, for a spreadsheet."""
    found = queries.every_line(queries.cases(**_asked(request)), timezone.now())
    record(actor(request), "review.exported", "shop", request.shop.pk)
    name = f"{request.shop.slug}-a-verifier-{timezone.localdate().isoformat()}.csv"
    return StreamingHttpResponse(
        csv_pieces(queries.COLUMNS, queries.rows(found), STYLES["excel"]),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )
