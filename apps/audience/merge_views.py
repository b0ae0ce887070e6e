"""Two records of one person become one, by the team's hand."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.accounts.requests import TeamRequest, actor
from apps.audience.merging import Holding, foresee, look_alikes, merge_people
from apps.contacts.models import Contact
from apps.core.doors import door
from apps.core.roles import Right
from apps.loyalty.merging import living
from apps.loyalty.services import the_programme


def _other(request: TeamRequest, contact: Contact) -> Contact | None:
    """The second record, if one was chosen and it is not the first."""
    number = request.POST.get("avec") or request.GET.get("avec") or ""
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    found = living(get_object_or_404(Contact, pk=int(number)))
    return found if found != contact else None


@door(Right.EDIT_CONTACTS)
@require_http_methods(["GET", "HEAD", "POST"])
def contact_merge(request: TeamRequest, pk: int) -> HttpResponse:
    """Choose the other record, see what becomes of both, make them one."""
    kept = living(get_object_or_404(Contact, pk=pk))
    other = _other(request, kept)
    by, now = actor(request), timezone.now()
    if request.method == "POST":
        if other is not None:
            merge_people(kept, other, by=by, now=now)
            done = "Les deux fiches n’en font plus qu’une."
            messages.success(request, done, extra_tags="good")
        return redirect("contact", kept.pk)
    context: dict[str, object] = {"section": "contacts", "contact": kept}
    if other is None:
        text = request.GET.get("q", "")[:100]
        context |= {"q": text, "found": look_alikes(kept, text)}
    else:
        said = the_programme().counts.said
        titles = ("La fiche gardée", "La fiche réunie", "Ensuite, une seule")
        each = (Holding.of(kept), Holding.of(other), foresee(kept, other, by=by, now=now))
        told = [said(held.card.balance) if held.card else "" for held in each]
        context |= {
            "other": other,
            "after": each[-1].contact,
            "records": list(zip(titles, each, told, strict=True)),
        }
    return render(request, "audience/merge.html", context)
