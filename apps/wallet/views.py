"""The owner's page of the cards in phones: what signs them, and how many there are."""

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
from apps.wallet.expiry import WARNINGS
from apps.wallet.forms import IdentityForm
from apps.wallet.identities import Standing, adopt, forget_known, standing
from apps.wallet.identities import release as release_identity
from apps.wallet.pictures import pictures_of
from apps.wallet.queries import in_pockets

MAX_FORM = 250_000


@takes(MAX_FORM)
@door(Right.SHOP_SETTINGS)
@require_http_methods(["GET", "HEAD", "POST"])
def settings_page(request: TeamRequest) -> HttpResponse:
    """Whether customers are offered the wallet, by whose certificate, and one's own handed in."""
    form = IdentityForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            adopt(form.identity, shop=request.shop, by=actor(request), now=timezone.now())
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Vos cartes sont signées de votre nom."), "good")
            return HttpResponseRedirect(request.path)
    forget_known()  # the owner sees what is, not what was half a minute ago
    signer = standing(request.shop)
    context = {
        "section": "settings",
        "tab": "wallet",
        "form": form,
        "signer": signer,
        "days": _days(signer),
        "warn_from": WARNINGS[0],
        "pockets": in_pockets(),
    }
    status = 422 if form.is_bound else 200
    return render(request, "wallet/settings.html", context, status=status)


def _days(signer: Standing | None) -> int | None:
    if signer is None or signer.expires_at is None:
        return None
    return (signer.expires_at - timezone.now()).days


@door(Right.SHOP_SETTINGS)
@require_POST
def release(request: TeamRequest) -> HttpResponse:
    """The shop's own keys are kept no more; new cards are signed by the platform again."""
    forget_known()
    signer = standing(request.shop)
    if signer is None or not signer.own:
        raise Http404
    release_identity(signer.pass_type, shop=request.shop, by=actor(request))
    messages.success(request, _("Vos clés sont effacées du coffre."))
    return redirect("settings_wallet")


@door(Right.SHOP_SETTINGS)
@require_safe
def picture(request: TeamRequest) -> HttpResponse:
    """The strip of a card with seven stamps of ten, in the shop's colours."""
    drawn = pictures_of(request.shop, 10, 7)["strip@2x.png"]
    headers = {"Cache-Control": "private, no-cache"}
    return HttpResponse(drawn, content_type="image/png", headers=headers)
