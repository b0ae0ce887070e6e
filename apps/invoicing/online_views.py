"""The team's doors to what customers paid online: the list, one of them, money given back."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.invoicing.online_forms import RefundForm
from apps.invoicing.queries import charges
from apps.invoicing.queries import takings as with_invoices
from apps.payments import disputing, refunding
from apps.payments.models import Charge, Difference, Gap, ShopAccount

PAGE = 50
KINDS = {"": "Tous", "refunded": "Remboursés", "disputed": "Contestés"}


@door(Right.INVOICES)
@require_safe
def takings(request: TeamRequest) -> HttpResponse:
    """What customers paid on the shop's account, the latest first."""
    kind = request.GET.get("etat", "")
    kind = kind if kind in KINDS else ""
    page = Paginator(charges(kind), PAGE).get_page(request.GET.get("page"))
    account = ShopAccount.objects.filter(shop=request.shop).first()
    context = {
        "section": "invoices",
        "tab": "takings",
        "page": page,
        "rows": with_invoices(page),
        "kinds": KINDS,
        "kind": kind,
        "account": account,
        **_gaps(account),
    }
    return render(request, "invoicing/takings.html", context)


def _gaps(account: ShopAccount | None) -> dict[str, Any]:
    """What the night's comparison with Stripe found on this account, and still stands: events
    counted, since each was carried out once it was found, all else line by line."""
    if account is None:
        return {}
    found = Difference.objects.filter(account=account.account_id, gone_at=None)
    return {
        "missed": found.filter(gap=Gap.MISSED).count(),
        "gaps": found.exclude(gap=Gap.MISSED).order_by("-seen_at", "-pk")[:PAGE],
    }


def _page_of(request: TeamRequest, pk: int, **more: Any) -> dict[str, Any]:
    found = get_object_or_404(charges(""), pk=pk)
    (taking_,) = with_invoices([found])
    left = 0 if refunding.is_contested(found) else refunding.left_of(found)
    contested = sum(one.taken_cents + one.fee_cents for one in found.disputes.all())
    costs = found.fee_cents + found.share_cents
    disputes = [
        (one, disputing.why(one), disputing.to_gather(one), disputing.address(one))
        for one in found.disputes.all()
    ]
    return {
        "section": "invoices",
        "taking": taking_,
        "charge": found,
        "refunds": [(one, refunding.REASONS.get(one.reason, "")) for one in found.refunds.all()],
        "disputes": disputes,
        "contested_cents": contested,
        "net_cents": found.amount_cents - found.refunded_cents - costs - contested,
        "left": left,
        "may_refund": left > 0 and request.membership.may(Right.SHOP_SETTINGS),
        "form": RefundForm(left=left),
        **more,
    }


@door(Right.INVOICES)
@require_safe
def taking(request: TeamRequest, pk: int) -> HttpResponse:
    """One payment, what was given back of it, what its bank contests."""
    return render(request, "invoicing/taking.html", _page_of(request, pk))


@door(Right.SHOP_SETTINGS)
@require_POST
def give_back(request: TeamRequest, pk: int) -> HttpResponse:
    """Say in euros what it will do; confirmed, do it. Sent twice, it is done once."""
    found = get_object_or_404(Charge, pk=pk)
    form = RefundForm(request.POST, left=found.amount_cents)
    if not form.is_valid():
        context = _page_of(request, pk, form=form)
        return render(request, "invoicing/taking.html", context, status=422)
    told = form.cleaned_data
    if "sure" not in request.POST:
        said, share = refunding.REASONS[told["reason"]], refunding.share_of(found, told["amount"])
        context = _page_of(request, pk, form=form, asked=told, reason=said, share=share)
        return render(request, "invoicing/refund.html", context)
    how = {"reason": told["reason"], "once": told["once"]}
    try:
        refunding.give_back(found, told["amount"], by=actor(request), now=timezone.now(), **how)
    except Refusal as refusal:
        messages.error(request, str(refusal), extra_tags="bad")
    else:
        messages.success(request, "C’est remboursé : l’avoir suit.", extra_tags="good")
    return redirect("taking", pk=pk)
