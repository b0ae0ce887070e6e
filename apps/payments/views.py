"""The owner's page of the shop's plan; money is asked for on Stripe's own pages."""

from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.models import Membership
from apps.accounts.requests import TeamRequest, actor
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.payments import billing, subscribing
from apps.shops.plans import GRACE_DAYS, PLANS, plan_of
from apps.shops.standing import Standing, rests_from, standing

NOT_PAID = (Standing.GRACE, Standing.READ_ONLY)


@door(Right.SHOP_SETTINGS)
@never_cache
@require_safe
def plan(request: TeamRequest) -> HttpResponse:
    """What the shop has, what it pays, and what else there is."""
    shop, now = request.shop, timezone.now()
    if "retour" in request.GET and settings.STRIPE_SECRET_KEY:
        _look_again(request)
        return redirect("settings_plan")
    _subscriber, found = subscribing.of_shop(shop)
    stands = standing(shop, now)
    bills = billing.listed(shop)
    waits = any(not bill.number for bill in bills)
    context = {
        "section": "settings",
        "tab": "plan",
        "bills": bills,
        "lacks": billing.lacks(shop) if waits else [],
        "plans": PLANS,
        "current": plan_of(shop),
        "subscription": found if found and found.is_live else None,
        "is_late": found is not None and found.is_live and stands in NOT_PAID,
        "has_invoices": found is not None,
        "stands": stands,
        "on_trial": stands == Standing.TRIAL,
        "rests_from": rests_from(shop.unpaid_from) if shop.unpaid_from else None,
        "grace_days": GRACE_DAYS,
        "team": Membership.objects.filter(shop=shop).count(),
        "is_open": bool(settings.STRIPE_SECRET_KEY),
        "once": uuid4().hex,
    }
    return render(request, "payments/plan.html", context)


def _look_again(request: TeamRequest) -> None:
    """Back from Stripe's page: its event may still be on its way."""
    subscriber, _found = subscribing.of_shop(request.shop)
    if subscriber is None:
        return
    try:
        subscribing.refresh(request.shop, subscriber)
    except Refusal as refusal:
        messages.warning(request, str(refusal))
        return
    _subscriber, found = subscribing.of_shop(request.shop)
    if found and found.is_live and found.plan:
        said = _("C’est noté : votre boutique est en formule %(plan)s.")
        messages.success(request, said % {"plan": found.plan.name})


@door(Right.SHOP_SETTINGS)
@require_POST
def choose(request: TeamRequest, code: str) -> HttpResponse:
    """On to Stripe's page, to pay for a plan or to confirm another."""
    try:
        url = subscribing.choose(
            shop=request.shop,
            code=code,
            once=_once(request),
            by=actor(request),
            now=timezone.now(),
        )
    except Refusal as refusal:
        messages.warning(request, str(refusal))
        return redirect("settings_plan")
    return HttpResponseRedirect(url)


@door(Right.SHOP_SETTINGS)
@require_POST
def manage(request: TeamRequest) -> HttpResponse:
    """On to Stripe's page of invoices, means of payment and cancellation."""
    try:
        return HttpResponseRedirect(subscribing.manage(shop=request.shop, once=_once(request)))
    except Refusal as refusal:
        messages.warning(request, str(refusal))
        return redirect("settings_plan")


def _once(request: TeamRequest) -> str:
    """The form's own mark: its second tap is the same act."""
    try:
        return UUID(request.POST.get("once", "")).hex
    except ValueError:
        return uuid4().hex
