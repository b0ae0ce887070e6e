"""The team's doors to what members owe, to a new price, and to bottles that come back."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.club.forms import PriceForm
from apps.club.member_models import Arrear, Leaving
from apps.club.models import ClubPlan
from apps.club.services import giving_back, repricing
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right


@door(Right.CLUB)
@require_safe
def arrears(request: TeamRequest) -> HttpResponse:
    """Who is past due, since when and why, and what comes next; money that waits for bottles."""
    people = ("member__plan", "member__contact__merged_into")
    owing = Arrear.objects.standing().select_related("period", *people).order_by("since", "pk")
    back = Leaving.objects.unpaid_back().filter(awaits_bottles=True).select_related(*people)
    recovered = Arrear.objects.filter(recovered=True).select_related("period", *people)
    context = {
        "section": "club",
        "tab": "arrears",
        "owing": list(owing),
        "back": list(back.order_by("asked_at", "pk")),
        "recovered": list(recovered.order_by("-ended_at", "-pk")[:10]),
    }
    return render(request, "club/arrears.html", context)


@door(Right.CLUB)
@require_POST
def bottles_back(request: TeamRequest, pk: int) -> HttpResponse:
    """The shop has its bottles again: the money goes."""
    giving_back.bottles_came_back(pk, by=actor(request), now=timezone.now())
    messages.success(request, _("Le remboursement part."))
    return redirect("club_arrears")


@door(Right.CLUB)
@require_http_methods(["GET", "HEAD", "POST"])
def price(request: TeamRequest, pk: int) -> HttpResponse:
    """Another price proposed to who already belongs, and what they answered."""
    plan = get_object_or_404(ClubPlan, pk=pk)
    posted, now = request.method == "POST", timezone.now()
    form = PriceForm(request.POST if posted else None, today=timezone.localdate(now))
    status = 422 if posted else 200
    if posted and form.is_valid():
        try:
            change = repricing.announce_price(plan, **form.cleaned_data, by=actor(request), now=now)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            status = refusal.status
        else:
            many = change.answers.count()
            said = ngettext("%(many)d membre est prévenu.", "%(many)d membres sont prévenus.", many)
            messages.success(request, said % {"many": many})
            return redirect("club_price", pk=plan.pk)
    context = {"section": "club", "tab": "plans", "plan": plan, "form": form}
    context["changes"] = repricing.tallied(plan)
    return render(request, "club/price.html", context, status=status)
