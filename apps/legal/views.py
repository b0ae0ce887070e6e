"""The owner's pages: what texts say of the shop's sales; each read, published, accepted."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.models import User
from apps.accounts.requests import TeamRequest, actor
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.invoicing.seal import digest
from apps.invoicing.services import the_terms
from apps.legal.forms import SaleTermsForm
from apps.legal.models import Kind, Version
from apps.legal.places import kind_at, place_of
from apps.legal.printing import drawn
from apps.legal.queries import agreed, in_force, latest, sale_terms, versions
from apps.legal.reading import blocks, changes
from apps.legal.services import agree, change_sale_terms, publish
from apps.legal.wording import COUNSEL, missing_facts, write


@door(Right.SHOP_SETTINGS)
@require_http_methods(["GET", "HEAD", "POST"])
def texts(request: TeamRequest) -> HttpResponse:
    """Where each text stands, and what they say of the shop's sales."""
    form = SaleTermsForm(request.POST or None, instance=sale_terms())
    if request.method == "POST" and form.is_valid():
        change_sale_terms(form.values, by=actor(request))
        said = "C’est enregistré. Un texte déjà publié ne change que si vous le republiez."
        messages.success(request, said, extra_tags="good")
        return redirect("settings_texts")
    context = {"section": "settings", "tab": "texts", "form": form, "rows": _rows(request)}
    status = 422 if request.method == "POST" else 200
    return render(request, "legal/texts.html", context, status=status)


def _rows(request: TeamRequest) -> list[dict[str, Any]]:
    of, published = (request.shop, the_terms(), sale_terms()), latest()
    found = []
    for kind in Kind:
        version = published.get(kind)
        row = {"kind": kind, "place": place_of(kind), "version": version}
        moved = version is not None and version.hash != digest(write(kind, *of))
        found.append({**row, "missing": missing_facts(kind, *of), "moved": moved})
    return found


@door(Right.SHOP_SETTINGS)
@require_http_methods(["GET", "HEAD", "POST"])
def text(request: TeamRequest, place: str) -> HttpResponse:
    """One text as it would be published now; posted to, it is (the data contract: accepted)."""
    kind = kind_at(place)
    sentence, status = "", 200
    if request.method == "POST":
        gesture: dict[str, Any] = {
            "read": request.POST.get("read", ""),
            "by": actor(request),
            "now": timezone.now(),
        }
        try:
            if kind == Kind.DATA:
                agree(**gesture)
                said = "Le contrat est accepté, et gardé mot pour mot."
            else:
                version = publish(kind, **gesture)
                said = f"La version {version.number} est en vigueur."
        except Refusal as refusal:
            sentence, status = str(refusal), refusal.status
        else:
            messages.success(request, said, extra_tags="good")
            return redirect("settings_text", place)
    context = {**_page_of(request, kind), "sentence": sentence}
    return render(request, "legal/text.html", context, status=status)


def _page_of(request: TeamRequest, kind: Kind) -> dict[str, Any]:
    of, held = (request.shop, the_terms(), sale_terms()), list(versions(kind))
    body = write(kind, *of)
    read = digest(body)
    current = held[0] if held else None
    moved = current is None or current.hash != read
    accepted = agreed() if kind == Kind.DATA else None
    whose = accepted.actor_id if accepted else None
    return {
        "section": "settings",
        "tab": "texts",
        "kind": kind,
        "place": place_of(kind),
        "is_contract": kind == Kind.DATA,
        "read": read,
        "blocks": blocks(body),
        "current": current,
        "older": held[1:],
        "moved": moved,
        "changes": changes(current.body, body) if current and moved else [],
        "missing": missing_facts(kind, *of),
        "counsel": COUNSEL[kind],
        "accepted": accepted,
        "accepted_by": User.objects.filter(pk=whose).first() if whose else None,
    }


def _version(place: str, number: int) -> Version:
    return get_object_or_404(Version, kind=kind_at(place), number=number)


@door(Right.SHOP_SETTINGS)
@require_safe
def version(request: TeamRequest, place: str, number: int) -> HttpResponse:
    """A version word for word, with what proves it."""
    found = _version(place, number)
    context = {
        "section": "settings",
        "tab": "texts",
        "kind": Kind(found.kind),
        "place": place,
        "version": found,
        "is_in_force": in_force(found.kind) == found,
        "blocks": blocks(found.body),
    }
    return render(request, "legal/version.html", context)


@door(Right.SHOP_SETTINGS)
@require_safe
def file(request: TeamRequest, place: str, number: int, form: str) -> HttpResponse:
    """A version to be kept at home: on paper, or the very bytes whose hash it bears."""
    found = _version(place, number)
    if form not in ("pdf", "txt"):
        raise Http404
    made = drawn(found, request.shop) if form == "pdf" else found.body.encode()
    sort = "application/pdf" if form == "pdf" else "text/plain; charset=utf-8"
    named = f'attachment; filename="{place}-{number}.{form}"'
    return HttpResponse(made, content_type=sort, headers={"Content-Disposition": named})
