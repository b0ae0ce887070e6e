"""The owner's page of the account by which the shop's SMS leave."""

from collections.abc import Callable
from decimal import Decimal

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.requests import TeamRequest, actor
from apps.contacts.models import Channel
from apps.core.doors import door
from apps.core.phone import show_phone
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.messaging import accounts
from apps.messaging.channels import sending
from apps.messaging.forms import AccountForm
from apps.messaging.providers.twilio_account import Report
from apps.messaging.providers.urls import reply_url


@door(Right.SHOP_SETTINGS)
@require_http_methods(["GET", "HEAD", "POST"])
def sms_account(request: TeamRequest) -> HttpResponse:
    """Which account, what its own would change, and what Twilio says of what was typed."""
    form, report = _form(request, request.POST or None), None
    if request.method == "POST" and form.is_valid():
        report = _adopt(request, form)
        if report and report.good:
            request.shop.refresh_from_db()
            form = _form(request, None)
    context = {
        "section": "settings",
        "tab": "sms",
        "form": form,
        "report": report,
        "sender": _shown(sending(Channel.SMS).sender(request.shop)),
        "price_cents": Decimal(request.shop.segment_tenths) / 10,
        "reply_url": reply_url(request.shop.callback_token),
        "stays_here": settings.SMS_PROVIDER == "local",
    }
    return render(
        request, "messaging/settings_sms.html", context, status=422 if form.is_bound else 200
    )


def _shown(sender: str) -> str:
    return show_phone(sender) if sender.startswith("+") else sender


def _form(request: TeamRequest, typed: QueryDict | None) -> AccountForm:
    shop = request.shop
    tenths = shop.sms_account_price_tenths if shop.sms_account else shop.sms_price_tenths
    initial = {
        "account": shop.sms_account,
        "sender": _shown(shop.sms_account_sender),
        "price": Decimal(tenths) / 10,
    }
    sid = typed.get("account", "").strip() if typed else shop.sms_account
    tail = accounts.token_tail(shop, sid) if accounts.SID.fullmatch(sid) else None
    return AccountForm(typed, initial=initial, tail=tail, region=shop.region)


def _adopt(request: TeamRequest, form: AccountForm) -> Report | None:
    said = form.cleaned_data
    try:
        return accounts.adopt(
            shop=request.shop,
            sid=said["account"],
            token=said["token"],
            sender=said["sender"],
            price_tenths=form.price_tenths,
            by=actor(request),
        )
    except accounts.NoToken as refusal:
        form.add_error("token", str(refusal))
    except Refusal as refusal:
        form.add_error(None, str(refusal))
    return None


@door(Right.SHOP_SETTINGS)
@require_POST
def sms_account_act(request: TeamRequest, act: str) -> HttpResponse:
    """One tap: back to the platform's account, to one's own again, or its keys forgotten."""
    if act not in _ACTS:
        raise Http404
    try:
        messages.success(request, str(_ACTS[act](request)))
    except Refusal as refusal:
        messages.warning(request, str(refusal))
    return redirect("settings_sms")


def _release(request: TeamRequest) -> object:
    accounts.release(shop=request.shop, by=actor(request))
    return _("Vos SMS repartent par le compte de Comptoir. Vos clés restent au coffre.")


def _resume(request: TeamRequest) -> object:
    shop = request.shop
    report = accounts.adopt(
        shop=shop,
        sid=shop.sms_account,
        sender=shop.sms_account_sender,
        price_tenths=shop.sms_account_price_tenths,
        by=actor(request),
    )
    if not report.good:
        wrong = next(one for one in report.findings if one.needed and not one.good)
        raise Refusal(str(wrong.sentence))
    return _("Vos SMS partent de nouveau par votre compte.")


def _erase(request: TeamRequest) -> object:
    accounts.erase(shop=request.shop, by=actor(request))
    return _("Vos clés sont effacées du coffre.")


_ACTS: dict[str, Callable[[TeamRequest], object]] = {
    "quitter": _release,
    "reprendre": _resume,
    "effacer": _erase,
}
