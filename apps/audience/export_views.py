"""Taking everything out."""

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.audience.exporting import archive, file_name, json_pieces, tables
from apps.audit.services import record
from apps.contacts.models import Contact
from apps.core.doors import door, only_reads
from apps.core.roles import Right
from apps.core.sheets import STYLES


@door(Right.IMPORT_EXPORT)
@only_reads
@require_http_methods(["GET", "HEAD", "POST"])
def export(request: TeamRequest) -> HttpResponse | StreamingHttpResponse:
    """The page with the one button, and the archive it streams."""
    if request.method != "POST":
        context = {
            "section": "contacts",
            "name": file_name(request.shop, timezone.localdate()),
            "total": Contact.objects.living().count(),
            "tables": tables(),
        }
        return render(request, "audience/export.html", context)
    wanted = request.POST.get("style", "excel")
    style = STYLES.get(wanted, STYLES["excel"])
    record(
        actor(request), "contacts.exported", "shop", request.shop.pk, after={"style": wanted[:9]}
    )
    name = file_name(request.shop, timezone.localdate())
    return StreamingHttpResponse(
        archive(request.shop, style),
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


@door(Right.IMPORT_EXPORT)
@require_safe
def contact_json(request: TeamRequest, pk: int) -> HttpResponse:
    """All that is kept about one person, for her who asks (RGPD, right of access)."""
    contact = get_object_or_404(Contact.objects.select_related("merged_into"), pk=pk)
    contact = contact.merged_into or contact
    record(actor(request), "contact.exported", "contact", contact.pk)
    return HttpResponse(
        "".join(json_pieces(contact.pk)),
        content_type="application/json; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="fiche-{contact.pk}.json"',
            "Cache-Control": "no-store",
        },
    )
