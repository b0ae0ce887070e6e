"""Résilier and renoncer, each in three steps, directly reachable and without an account (D215-1,
D215-2; L221-18): who and which contract; a recap; a last word, which is acknowledged by mail."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid5

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from apps.club import contract
from apps.club.customer_member_forms import CancelForm, WordForm
from apps.club.customer_member_views import is_open, named
from apps.club.member_models import Leaving, Way
from apps.club.models import Member
from apps.club.services import leaving
from apps.core.doors import customers
from apps.core.network import client_address
from apps.core.ratelimit import Limit, spend
from apps.core.refusal import Refusal
from apps.loyalty.customer_views import private
from apps.shops.requests import ShopRequest

WORDS = Limit("club-word:client", 30, 3600)


@dataclass(frozen=True, slots=True)
class Words:
    """What the steps of one way out say."""

    way: Way
    path: str
    form: type[WordForm]
    title: str | Promise
    confirm: str | Promise


CANCEL = Words(
    Way.CANCEL,
    "resilier",
    CancelForm,
    _("Résilier votre contrat"),
    _("Confirmer la résiliation"),
)
RENOUNCE = Words(
    Way.RENOUNCE,
    "renoncer",
    WordForm,
    _("Renoncer au contrat"),
    _("Confirmer la rétractation"),
)


@customers
@require_http_methods(["GET", "HEAD", "POST"])
@private
def cancel(request: ShopRequest, token: str = "") -> HttpResponse:
    return _steps(request, CANCEL, token)


@customers
@require_http_methods(["GET", "HEAD", "POST"])
@private
def renounce(request: ShopRequest, token: str = "") -> HttpResponse:
    return _steps(request, RENOUNCE, token)


def _steps(request: ShopRequest, words: Words, token: str) -> HttpResponse:
    """``token``: the link of one's own page fills in what is known there."""
    known = named(token) if token else None
    posted = request.method == "POST" and request.POST.get("etape") != "corriger"
    form = words.form(
        request.POST if request.method == "POST" else None,
        initial=_known(request, known) if known else None,
    )
    if not posted:
        if request.method == "POST":
            form = words.form(initial={name: request.POST.get(name, "") for name in form.fields})
        return _page(request, "leave", words, form)
    if not form.is_valid():
        return _page(request, "leave", words, form, status=422)
    try:
        spend(WORDS, client_address(request))
        member = leaving.contract(form.cleaned_data["reference"], form.cleaned_data["email"])
        if request.POST.get("etape") == "confirmer":
            return _page(request, "leave_done", words, form, word=_given(words, member, form))
        return _recap(request, words, member, form)
    except leaving.NoSuchContract as refusal:
        form.add_error("reference", str(refusal))
        return _page(request, "leave", words, form, status=refusal.status, unknown=True)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return _page(request, "leave", words, form, status=refusal.status)


def _known(request: ShopRequest, member: Member) -> dict[str, Any]:
    found = {"reference": contract.reference_of(member)}
    if is_open(request, member):
        found |= {"name": member.person.full_name, "email": member.person.email}
    return found


def _given(words: Words, member: Member, form: WordForm) -> Leaving:
    said, now = form.cleaned_data, timezone.now()
    key = uuid5(said["key"], f"{words.way}:{member.pk}")
    given = {"key": key, "name": said["name"], "email": said["email"], "now": now}
    if words.way == Way.RENOUNCE:
        return leaving.renounce(member, **given)
    return leaving.cancel(member, wanted_on=said["wanted_on"], **given)


def _recap(request: ShopRequest, words: Words, member: Member, form: WordForm) -> HttpResponse:
    now = timezone.now()
    word = leaving.check(member, words.way, request.shop, now)
    with_bottles = words.way == Way.RENOUNCE and contract.first_received(member) is not None
    context: dict[str, Any] = {
        "member": member,
        "reference": contract.reference_of(member),
        "standing": word,
        "ends_at": contract.end_of(member, now, form.cleaned_data.get("wanted_on")),
        "paid_cents": leaving.paid_cents(member),
        "awaits_bottles": word.awaits_bottles if word else with_bottles,
    }
    return _page(request, "leave_recap", words, form, **context)


def _page(
    request: ShopRequest, name: str, words: Words, form: WordForm, status: int = 200, **more: Any
) -> HttpResponse:
    context = {"words": words, "form": form, "renounces": words.way == Way.RENOUNCE, **more}
    return render(request, f"club/public/{name}.html", context, status=status)
