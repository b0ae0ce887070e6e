"""The shop's door to what the platform invoiced it."""

from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_safe

from apps.accounts.requests import TeamRequest
from apps.core.doors import door
from apps.core.roles import Right
from apps.invoicing.our_bills import paper_of
from apps.payments.models import PlanBill


@door(Right.SHOP_SETTINGS)
@require_safe
def plan_invoice(request: TeamRequest, pk: int) -> HttpResponseBase:
    """The file of an invoice of the shop's plan; the wall around them shows it its own alone."""
    bill = get_object_or_404(PlanBill.objects.exclude(number=""), pk=pk)
    paper = paper_of(bill)
    if paper is None:
        messages.warning(request, "Cette facture est en préparation : réessayez dans un instant.")
        return redirect("settings_plan")
    headers = {"Cache-Control": "private, no-store"}
    return FileResponse(
        default_storage.open(paper.file),
        filename=f"{bill.number}-comptoir.pdf",
        content_type="application/pdf",
        headers=headers,
    )
