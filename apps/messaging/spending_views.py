"""What messages cost, month by month, and the budget they must not pass."""

from datetime import date
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.core.doors import door
from apps.core.roles import Right
from apps.core.templatetags.french import prix_rond
from apps.messaging import budget, conversations, spending, telling
from apps.messaging.forms import BudgetForm
from apps.messaging.quality import rule


@door(Right.WRITE_DROPS)
@require_safe
def month(request: TeamRequest, year: int | None = None, month: int | None = None) -> HttpResponse:
    """One month: by day, by channel and cause, beside its budget."""
    return _page(request, _first_day(request, year, month))


def _first_day(request: TeamRequest, year: int | None, month: int | None) -> date:
    this = budget.month_of(timezone.now(), request.shop)
    if year is None or month is None:
        return this
    try:
        asked = date(year, month, 1)
    except ValueError as error:
        raise Http404 from error
    if not year >= 2000 or asked > this:
        raise Http404
    return asked


def _page(
    request: TeamRequest, first_day: date, form: BudgetForm | None = None, status: int = 200
) -> HttpResponse:
    now, shop = timezone.now(), request.shop
    spent = spending.spent(shop, first_day, now)
    cents = shop.budget_cents
    context: dict[str, Any] = {
        "section": "messages",
        "spent": spent,
        "origins": spending.ORIGINS.values(),
        "desk_chart": spent.chart(640, 220),
        "phone_chart": spent.chart(340, 200),
        "months": spending.past_months(shop),
        "senders": spending.senders(),
        "rule": rule(),
        "alert_percent": settings.BUDGET_ALERT_PERCENT,
        "included": spending.included(shop, spent.month),
        "prices": spending.prices(shop),
        "form": form or BudgetForm(initial={"budget": prix_rond(cents) if cents else ""}),
        "notices": telling.notices(shop, now),
        "unread": conversations.unread(),
    }
    return render(request, "messaging/spending.html", context, status=status)


@door(Right.SHOP_SETTINGS)
@require_POST
def set_budget(request: TeamRequest) -> HttpResponse:
    """What messages may cost from this month on."""
    form = BudgetForm(request.POST)
    if not form.is_valid():
        return _page(request, _first_day(request, None, None), form, status=422)
    cents = form.cleaned_data["budget"]
    budget.set_budget(request.shop, cents, actor(request))
    said = "Plus de budget : rien ne s’arrête." if cents is None else "Budget enregistré."
    messages.success(request, said)
    return redirect("spending")


@door(Right.WRITE_DROPS)
@require_safe
def export(request: TeamRequest, year: int, month: int) -> StreamingHttpResponse:
    """The month's lines, for a spreadsheet."""
    first_day = _first_day(request, year, month)
    return StreamingHttpResponse(
        spending.as_csv(first_day),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="depenses-{first_day:%Y-%m}.csv"',
            "Cache-Control": "no-store",
        },
    )
