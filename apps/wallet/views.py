"""The owner's page of the cards in phones: what signs them, and how many there are."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.core.doors import door, takes
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.wallet import accounts, identities
from apps.wallet.expiry import WARNINGS
from apps.wallet.forms import GoogleForm, IdentityForm
from apps.wallet.keyring import forget_known
from apps.wallet.pictures import pictures_of
from apps.wallet.queries import in_pockets

MAX_FORM = 250_000


@takes(MAX_FORM)
@door(Right.SHOP_SETTINGS)
@require_http_methods(["GET", "HEAD", "POST"])
def settings_page(request: TeamRequest) -> HttpResponse:
    """Whether customers are offered the wallets, by whose keys, and one's own handed in."""
    form = IdentityForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            now = timezone.now()
            identities.adopt(form.identity, shop=request.shop, by=actor(request), now=now)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Vos cartes sont signées de votre nom."), "good")
            return HttpResponseRedirect(request.path)
    return _page(request, form, GoogleForm())


@takes(MAX_FORM)
@door(Right.SHOP_SETTINGS)
@require_POST
def google_account(request: TeamRequest) -> HttpResponse:
    """The shop's own issuer at Google."""
    form = GoogleForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, IdentityForm(), form)
    said, by = form.cleaned_data, actor(request)
    accounts.adopt(form.data_read, said["issuer"], shop=request.shop, by=by)
    messages.success(request, _("Vos cartes sont chez Google à votre nom."), "good")
    return redirect("settings_wallet")


def _page(request: TeamRequest, form: IdentityForm, google_form: GoogleForm) -> HttpResponse:
    forget_known()  # the owner sees what is, not what was half a minute ago
    signer = identities.standing(request.shop)
    context: dict[str, Any] = {
        "section": "settings",
        "tab": "wallet",
        "form": form,
        "google_form": google_form,
        "signer": signer,
        "keeper": accounts.standing(request.shop),
        "days": _days(signer),
        "warn_from": WARNINGS[0],
        "pockets": in_pockets(),
    }
    status = 422 if form.is_bound or google_form.is_bound else 200
    return render(request, "wallet/settings.html", context, status=status)


def _days(signer: identities.Standing | None) -> int | None:
    if signer is None or signer.expires_at is None:
        return None
    return (signer.expires_at - timezone.now()).days


@door(Right.SHOP_SETTINGS)
@require_POST
def release(request: TeamRequest) -> HttpResponse:
    """The shop's own keys are kept no more; new cards are signed by the platform again."""
    forget_known()
    signer = identities.standing(request.shop)
    if signer is None or not signer.own:
        raise Http404
    identities.release(signer.pass_type, shop=request.shop, by=actor(request))
    return _erased(request)


@door(Right.SHOP_SETTINGS)
@require_POST
def google_release(request: TeamRequest) -> HttpResponse:
    """The shop's own issuer is spoken for no more."""
    forget_known()
    keeper = accounts.standing(request.shop)
    if keeper is None or not keeper.own:
        raise Http404
    accounts.release(keeper.issuer, shop=request.shop, by=actor(request))
    return _erased(request)


def _erased(request: TeamRequest) -> HttpResponse:
    messages.success(request, _("Vos clés sont effacées du coffre."))
    return redirect("settings_wallet")


@door(Right.SHOP_SETTINGS)
@require_safe
def picture(request: TeamRequest) -> HttpResponse:
    """The strip of a card with seven stamps of ten, in the shop's colours."""
    drawn = pictures_of(request.shop, 10, 7)["strip@2x.png"]
    headers = {"Cache-Control": "private, no-cache"}
    return HttpResponse(drawn, content_type="image/png", headers=headers)
