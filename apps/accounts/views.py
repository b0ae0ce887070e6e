"""The team's screen and each person's own, on the shop's host."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import devices, pins, team
from apps.accounts.forms import DeviceForm, HandOverForm, InvitationForm, NameForm, PinForm
from apps.accounts.models import Invitation, Membership, Pin
from apps.accounts.requests import TeamRequest
from apps.accounts.services import has_second_factor, home_of, prove
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import RIGHTS, Right, Role


def team_page(
    request: TeamRequest,
    *,
    form: InvitationForm | None = None,
    device_form: DeviceForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The team's screen; a form that was refused comes back in it."""
    mine = request.membership
    roles = team.roles_given_by(mine.role)
    order = {role.value: place for place, role in enumerate(Role)}
    members = Membership.objects.filter(shop=request.shop).select_related("user")
    context: dict[str, Any] = {
        "section": "team",
        "members": sorted(members, key=lambda one: (order[one.role], str(one.user))),
        "roles": roles,
        "table": [
            (label, [role in who for role in Role], right) for right, (label, who) in RIGHTS.items()
        ],
        "all_roles": list(Role),
    }
    if roles:
        context["form"] = form or InvitationForm(roles=roles)
        context["invitations"] = Invitation.objects.filter(
            shop=request.shop, accepted_at=None, revoked_at=None
        ).select_related("invited_by")
    if mine.may(Right.DEVICES):
        context["device_form"] = device_form or DeviceForm(auto_id="device_%s")
        context["devices"] = devices.shown(request.shop, timezone.now())
        context["locked"] = pins.locked(request.shop)
    return render(request, "accounts/team.html", context, status=status)


@door(Right.BELONG)
@require_safe
def members(request: TeamRequest) -> HttpResponse:
    return team_page(request)


@door(Right.INVITE_HELPERS)
@require_POST
def invite(request: TeamRequest) -> HttpResponse:
    form = InvitationForm(request.POST, roles=team.roles_given_by(request.membership.role))
    if form.is_valid():
        email = form.cleaned_data["email"]
        try:
            team.invite(by=request.membership, email=email, role=form.cleaned_data["role"])
        except Refusal as refusal:
            form.add_error("email", str(refusal))
        else:
            messages.success(request, _("Invitation envoyée à %(email)s.") % {"email": email})
            return redirect("team")
    return team_page(request, form=form, status=422)


@door(Right.INVITE_HELPERS)
@require_POST
def resend(request: TeamRequest, pk: int) -> HttpResponse:
    team.resend(by=request.membership, invitation_id=pk)
    messages.success(request, _("Invitation renvoyée, valable sept jours."))
    return redirect("team")


@door(Right.INVITE_HELPERS)
@require_POST
def revoke(request: TeamRequest, pk: int) -> HttpResponse:
    team.revoke(by=request.membership, invitation_id=pk)
    messages.success(request, _("Invitation retirée."))
    return redirect("team")


@door(Right.TEAM)
@require_POST
def change_role(request: TeamRequest, pk: int) -> HttpResponse:
    member = _colleague_or_404(request, pk)
    member = team.change_role(
        by=request.membership, membership_id=member.pk, role=request.POST.get("role", "")
    )
    messages.success(
        request,
        _("%(name)s : %(role)s.") % {"name": member.user, "role": member.get_role_display()},
    )
    return redirect("team")


@door(Right.BELONG)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: TeamRequest, pk: int) -> HttpResponse:
    """Taking somebody out asks once: they lose their access at that very moment."""
    member = _colleague_or_404(request, pk)
    leaving = member.pk == request.membership.pk
    if member.role == Role.OWNER:
        raise team.OwnerStays()
    if not leaving and member.role not in team.roles_given_by(request.membership.role):
        raise team.NotYours()
    if request.method != "POST":
        context = {"section": "team", "member": member, "leaving": leaving}
        return render(request, "accounts/remove.html", context)
    user = team.remove(by=request.membership, membership_id=member.pk)
    if leaving:
        return redirect("/")
    messages.success(request, _("%(name)s n’a plus accès à la boutique.") % {"name": user})
    return redirect("team")


@door(Right.HAND_OVER)
@require_http_methods(["GET", "HEAD", "POST"])
def hand_over(request: TeamRequest) -> HttpResponse:
    """Cede the shop: chosen colleague, the shop's name typed, and a proof of oneself."""
    others = Membership.objects.filter(shop=request.shop).exclude(pk=request.membership.pk)
    form = HandOverForm(
        request.POST or None,
        shop=request.shop,
        members=others.select_related("user"),
        by_code=has_second_factor(request.user),
    )
    if request.method == "POST" and form.is_valid():
        try:
            prove(request.user, form.cleaned_data["proof"])
        except Refusal as refusal:
            form.add_error("proof", str(refusal))
        else:
            new = team.hand_over(by=request.membership, to_id=form.cleaned_data["to"].pk)
            messages.success(request, _("La boutique appartient à %(name)s.") % {"name": new.user})
            return redirect("team")
    context = {
        "section": "team",
        "form": form,
        "others": others.count(),
        "can_prove": has_second_factor(request.user) or request.user.has_usable_password(),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/hand_over.html", context, status=status)


@door(Right.BELONG)
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: TeamRequest) -> HttpResponse:
    form = NameForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Votre nom est enregistré."))
        return redirect("my_account")
    return _account(request, form=form)


@door(Right.BELONG)
@require_POST
def choose_pin(request: TeamRequest) -> HttpResponse:
    form = PinForm(request.POST)
    if not form.is_valid():
        return _account(request, pin_form=form, status=422)
    pins.choose(by=request.membership, digits=form.cleaned_data["digits"], now=timezone.now())
    messages.success(request, _("Votre code est enregistré."))
    return redirect("my_account")


def _account(
    request: TeamRequest,
    *,
    form: NameForm | None = None,
    pin_form: PinForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "section": "account",
        "form": form or NameForm(instance=request.user),
        "pin_form": pin_form or PinForm(),
        "pin": Pin.objects.filter(shop=request.shop, user=request.user).first(),
        "second_factor": has_second_factor(request.user),
        "home": home_of(request.membership.role),
        "appearance": request.COOKIES.get("theme", ""),
    }
    return render(request, "accounts/my_account.html", context, status=status)


def _colleague_or_404(request: TeamRequest, pk: int) -> Membership:
    members = Membership.objects.select_related("user")
    found = members.filter(pk=pk, shop=request.shop).first()
    if found is None:
        raise Http404
    return found
