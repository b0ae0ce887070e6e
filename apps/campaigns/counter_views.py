"""A code at the counter: typed or scanned, looked at, used; given back when it was a mistake."""

from uuid import uuid4

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.campaigns import codes
from apps.campaigns.models import Send, Use
from apps.campaigns.personal import shown
from apps.core.doors import door
from apps.core.ratelimit import Limit, spend
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.loyalty.forms import GestureForm
from apps.loyalty.merging import living
from apps.loyalty.queries import counter_name

# More than a busy hour asks for; somebody who tries codes by chance is stopped.
CODES_PER_PERSON = Limit("code:person", 60, 600)


class AskForm(forms.Form):
    """What the customer says, as one hears it."""

    code = forms.CharField(max_length=300)  # a scanned one comes as an address


def _lead(request: TeamRequest) -> bool:
    return request.membership.may(Right.EDIT_CONTACTS)


@door(Right.COUNTER)
@require_safe
@never_cache
def ask(request: TeamRequest) -> HttpResponse:
    """Type a code. ``?code=``: what was typed or scanned leads to what it gives."""
    form = AskForm(request.GET or None)
    typed = request.GET.get("code", "").strip()
    if not typed or not form.is_valid():
        return render(request, "campaigns/counter/ask.html", {})
    try:
        spend(CODES_PER_PERSON, request.user.pk)
        code = codes.read(typed, request.get_host().partition(":")[0])
        codes.send_of(code)
    except Refusal as refusal:
        context = {"error": str(refusal), "typed": "" if "://" in typed else typed}
        return render(request, "campaigns/counter/ask.html", context, status=refusal.status)
    return HttpResponseRedirect(reverse("counter-code-one", args=[code]))


@door(Right.COUNTER)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def code(request: TeamRequest, code: str) -> HttpResponse:
    """What the code gives and to whom; used once, by the great button."""
    send = get_object_or_404(Send.objects.select_related(*codes.WHOSE), code=code)
    if request.method != "POST":
        return _page(request, send)
    form = GestureForm(request.POST)
    if not form.is_valid():
        return _page(request, send, error=form.sentence, status=422)
    token = form.cleaned_data["token"]
    try:
        codes.redeem(code=code, token=token, by=actor(request), now=timezone.now())
    except Refusal as refusal:
        return _page(request, send, error=str(refusal), status=refusal.status)
    told = _("Code validé : %(offer)s.") % {"offer": send.source.offer}
    messages.success(request, told, extra_tags="good")
    return HttpResponseRedirect(request.path)


def _page(request: TeamRequest, send: Send, *, error: str = "", status: int = 200) -> HttpResponse:
    now, use, person = timezone.now(), codes.standing_use(send), living(send.contact)
    context = {
        "source": send.source,
        "said": shown(send.code or ""),
        "name": counter_name(person),
        "card": getattr(person, "card", None),
        "use": use,
        "may_give_back": use and codes.may_give_back(use, actor(request), now, _lead(request)),
        "expired": codes.expired(send.source.offer_until, now),
        "error": error,
        "token": uuid4(),
    }
    return render(request, "campaigns/counter/code.html", context, status=status)


@door(Right.COUNTER)
@require_POST
def give_back(request: TeamRequest, use_id: int) -> HttpResponse:
    """The code was used by mistake: it is worth its offer again."""
    use = get_object_or_404(
        Use.objects.select_related(*(f"send__{one}" for one in codes.WHOSE)), pk=use_id
    )
    try:
        codes.give_back(use=use, by=actor(request), now=timezone.now(), lead=_lead(request))
    except Refusal as refusal:
        return _page(request, use.send, error=str(refusal), status=refusal.status)
    messages.success(request, _("Code rendu : il peut servir à nouveau."), extra_tags="good")
    return HttpResponseRedirect(reverse("counter-code-one", args=[use.send.code]))
