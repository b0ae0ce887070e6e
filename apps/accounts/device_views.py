"""The shop's phones, as the team's leads see them: paired, named, taken away; a PIN unlocked."""

import segno
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts import devices, pins
from apps.accounts.forms import DeviceForm
from apps.accounts.models import Device, Membership
from apps.accounts.requests import TeamRequest
from apps.accounts.views import team_page
from apps.core.doors import door
from apps.core.roles import Right


@door(Right.DEVICES)
@require_POST
def offer(request: TeamRequest) -> HttpResponse:
    form = DeviceForm(request.POST, auto_id="device_%s")
    if not form.is_valid():
        return team_page(request, device_form=form, status=422)
    name, now = form.cleaned_data["name"], timezone.now()
    made = devices.offer(by=request.membership, name=name, now=now)
    return redirect("team_device", made.number)


@door(Right.DEVICES)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def device(request: TeamRequest, number: int) -> HttpResponse:
    """The code to scan while the phone waits for it; its name once it is there."""
    now = timezone.now()
    found = get_object_or_404(devices.shown(request.shop, now), number=number)
    form = DeviceForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        devices.rename(by=request.membership, number=number, name=form.cleaned_data["name"])
        messages.success(request, _("Nom enregistré."))
        return redirect("team")
    context = {"section": "team", "device": found, "form": form, **_code(request, found)}
    part = "#state" if request.htmx else ""
    status = 422 if request.method == "POST" else 200
    return render(request, f"accounts/device.html{part}", context, status=status)


def _code(request: TeamRequest, device: Device) -> dict[str, str]:
    if not device.code:
        return {}
    page = request.build_absolute_uri(reverse("pair"))
    drawn = segno.make(f"{page}?code={device.code}", error="m", micro=False)
    return {
        "page": page.partition("://")[2],
        "code": f"{device.code[:4]} {device.code[4:]}",
        "qr": drawn.svg_data_uri(scale=8, border=2, dark="#231a17", light="#fff"),
    }


@door(Right.DEVICES)
@require_POST
def revoke(request: TeamRequest, number: int) -> HttpResponse:
    devices.revoke(by=request.membership, number=number, now=timezone.now())
    messages.success(request, _("Ce téléphone n’ouvre plus rien, à l’instant même."))
    return redirect("team")


@door(Right.DEVICES)
@require_POST
def unlock(request: TeamRequest, pk: int) -> HttpResponse:
    member = get_object_or_404(Membership.objects.select_related("user"), pk=pk, shop=request.shop)
    if pins.unlock(by=request.membership, user_id=member.user_id):
        told = _("%(name)s peut de nouveau taper son code.") % {"name": member.user}
        messages.success(request, told)
    return redirect("team")
