"""The owner's page of the account on which the shop's customers pay it."""

from decimal import Decimal

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.payments import connecting
from apps.payments.models import ShopAccount
from apps.shops.plans import PLANS, plan_of


@door(Right.SHOP_SETTINGS)
@never_cache
@require_safe
def account(request: TeamRequest) -> HttpResponse:
    """How the account stands, what Stripe still asks for, what each plan keeps."""
    found = ShopAccount.objects.filter(shop=request.shop).first()
    if found and settings.STRIPE_SECRET_KEY and "retour" in request.GET:
        try:
            connecting.refresh(found)
        except Refusal as refusal:
            messages.warning(request, str(refusal))
        return redirect("settings_account")
    context = {
        "section": "settings",
        "tab": "account",
        "account": found,
        "asked": connecting.asked(found) if found else None,
        "fees": [(plan, Decimal(plan.fee_permille) / 10) for plan in PLANS],
        "current": plan_of(request.shop),
        "is_open": bool(settings.STRIPE_SECRET_KEY),
    }
    return render(request, "payments/account.html", context)


@door(Right.SHOP_SETTINGS)
@require_POST
def account_open(request: TeamRequest) -> HttpResponse:
    """On to Stripe's page that asks what it must know."""
    try:
        url = connecting.open_account(shop=request.shop, by=actor(request))
    except Refusal as refusal:
        messages.warning(request, str(refusal))
        return redirect("settings_account")
    return HttpResponseRedirect(url)
