"""The team's doors to the club: what is offered, who belongs to it, one membership's story."""

from uuid import uuid4

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.club import queries, story
from apps.club.forms import MemberFilter, PlanForm
from apps.club.member_models import Way
from apps.club.models import BELONGS, ClubPlan, Member
from apps.club.services import billing, leaving, planning, waiting
from apps.core.doors import door
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.core.templatetags.french import jour
from apps.legal.models import Kind as Text
from apps.legal.queries import in_force
from apps.payments import selling

PAGE = 50


@door(Right.CLUB)
@require_safe
def plans(request: TeamRequest) -> HttpResponse:
    """What the shop offers, how many belong to it, and what is still missing before anyone can."""
    context = {
        "section": "club",
        "tab": "plans",
        "plans": queries.plans_for_team(timezone.now()),
        "can_sell": selling.can_sell(request.shop),
        "lacks_terms": in_force(Text.SALES) is None,
        "fee": selling.fee_percent(request.shop),
        "address": f"{request.shop.url}/club/",
    }
    return render(request, "club/plans.html", context)


@door(Right.CLUB)
@require_http_methods(["GET", "HEAD", "POST"])
def plan(request: TeamRequest, pk: int | None = None) -> HttpResponse:
    """One plan, made or changed."""
    now = timezone.now()
    found = get_object_or_404(ClubPlan.objects.with_members(now), pk=pk) if pk else None
    initial = PlanForm.initial_of(found) if found else None
    today = timezone.localdate(now)
    form = PlanForm(request.POST or None, shop=request.shop, today=today, initial=initial)
    status = 422 if request.method == "POST" else 200
    if request.method == "POST" and form.is_valid():
        try:
            kept = planning.save_plan(form.words_of(), by=actor(request), now=now, plan=found)
            waiting.offer_places(kept, now)  # it may have more of them now
        except Refusal as refusal:
            field = "places" if isinstance(refusal, planning.FewerThanMembers) else None
            form.add_error(field, str(refusal))
            status = refusal.status
        else:
            messages.success(request, _("Formule enregistrée."))
            return redirect("club_plans")
    context = {"section": "club", "tab": "plans", "form": form, "plan": found}
    context["fee"] = selling.fee_percent(request.shop)
    return render(request, "club/plan.html", context, status=status)


@door(Right.CLUB)
@require_POST
def plan_open(request: TeamRequest, pk: int) -> HttpResponse:
    """Offered again, or no more."""
    found, now = get_object_or_404(ClubPlan, pk=pk), timezone.now()
    if request.POST.get("act") == "close":
        planning.close_plan(found, by=actor(request), now=now)
        messages.success(
            request, _("Plus personne n’entre dans cette formule. Ses membres restent.")
        )
    else:
        planning.open_plan(found, by=actor(request))
        waiting.offer_places(found, now)
        messages.success(request, _("La formule est de nouveau proposée."))
    return redirect("club_plans")


@door(Right.CLUB)
@require_safe
def members(request: TeamRequest) -> HttpResponse:
    """Who belongs to it and how they stand."""
    filters = MemberFilter(request.GET)
    found = queries.members(filters.said("state"), filters.plan, filters.said("q"))
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "club",
        "tab": "members",
        "filters": filters,
        "page": page,
        "total": page.paginator.count,
        "tally": queries.tally(),
        "unbilled": queries.unbilled().count(),
        "nothing": not page.paginator.count and not filters.active,
    }
    part = "#list" if request.htmx and not request.htmx.history_restore_request else ""
    return render(request, f"club/members.html{part}", context)


@door(Right.CLUB)
@require_safe
def member(request: TeamRequest, pk: int) -> HttpResponse:
    """One membership: what was agreed, its periods with their invoices, its story."""
    known = Member.objects.select_related("plan", "contact", "giver")
    found = get_object_or_404(known, pk=pk)
    context = {
        "section": "club",
        "tab": "members",
        "member": found,
        "periods": found.periods.select_related("invoice").order_by("-starts", "-pk"),
        "story": story.lines(found),
        "leaves": leaving.standing(found, Way.CANCEL),
        "may_leave": found.state in BELONGS and not found.is_gift,
    }
    return render(request, "club/member.html", context)


@door(Right.CLUB)
@require_POST
def member_leaves(request: TeamRequest, pk: int) -> HttpResponse:
    """Asked for by letter or by telephone: the same as on the member's own page."""
    found = get_object_or_404(Member.objects.select_related("plan", "contact", "giver"), pk=pk)
    words = {"name": found.payer.full_name or found.called, "email": found.payer.email}
    try:
        word = leaving.cancel(
            found,
            key=uuid4(),  # posted twice, it is the word that stands
            **words,
            wanted_on=None,
            now=timezone.now(),
            by=actor(request),
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        said = _("Le contrat prend fin le %(day)s. L’accusé de réception part à %(email)s.")
        messages.success(request, said % {"day": jour(word.ends_at), "email": word.email})
    return redirect("club_member", pk)


@door(Right.CLUB)
@require_POST
def member_stays(request: TeamRequest, pk: int) -> HttpResponse:
    """A leaving that was a mistake, or that the member wants no more."""
    found = get_object_or_404(Member, pk=pk)
    try:
        leaving.take_back(found, now=timezone.now(), by=actor(request))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("L’abonnement continue. Le membre en est prévenu par e-mail."))
    return redirect("club_member", pk)


@door(Right.CLUB)
@require_POST
def bill(request: TeamRequest) -> HttpResponse:
    """Once more what could not be invoiced."""
    many = billing.bill_waiting(timezone.now())
    left = queries.unbilled().first()
    if many:
        said = ngettext("%(many)d facture émise.", "%(many)d factures émises.", many)
        messages.success(request, said % {"many": many})
    if left:
        messages.warning(request, left.why_not)
    return redirect("club_members")
