"""The owner's home, and the first steps on it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.requests import TeamRequest
from apps.analytics import queries, services, wording
from apps.analytics.onboarding import checklist
from apps.campaigns.queries import latest_result
from apps.core.chart import Point, bars
from apps.core.doors import door
from apps.core.roles import Right
from apps.core.templatetags.french import jour_court
from apps.messaging.telling import notices


@door(Right.COUNTER)
@require_safe
def home(request: TeamRequest) -> HttpResponse:
    """Ten seconds to see how the shop is doing; helpers go to the counter instead."""
    if not request.membership.may(Right.SEE_HOME):
        return redirect("/comptoir/")
    now = timezone.now()
    figures = queries.home(now)
    points = [Point(week.visits, jour_court(week.start)) for week in figures.weeks]
    context = {
        "section": "home",
        "now": now,
        "home": figures,
        "greeting": wording.greeting(figures, request.user.get_short_name()),
        "active_change": wording.active_change(figures),
        "returning": wording.share(figures.returned, figures.seen),
        "returning_change": wording.returning_change(figures),
        "risk_change": wording.risk_change(figures),
        "redeemed_change": wording.redeemed_change(figures),
        "actions": wording.actions(figures),
        "desk_chart": bars(points, width=640, height=236, labels=3),
        "phone_chart": bars(points, width=340, height=210, labels=3),
        "checklist": checklist(request.shop, request.membership.role),
        "latest": latest_result(),
        "notices": notices(request.shop, now) if request.membership.may(Right.WRITE_DROPS) else [],
    }
    return render(request, "analytics/home.html", context)


@door(Right.SEE_HOME)
@require_POST
def step(request: TeamRequest, key: str) -> HttpResponse:
    """Tick a first step that only a person can say is done, or take the tick back."""
    done = request.POST.get("done") == "1"
    services.tick(request.shop, request.membership.role, key, done=done)
    return _steps(request)


@door(Right.SEE_HOME)
@require_POST
def put_away(request: TeamRequest) -> HttpResponse:
    """The finished checklist leaves the home."""
    services.put_away(request.shop)
    messages.success(request, "C’est rangé. Bonne route !")
    return redirect("home")


def _steps(request: TeamRequest) -> HttpResponse:
    if not request.htmx:
        return redirect("home")
    context = {"checklist": checklist(request.shop, request.membership.role)}
    return render(request, "analytics/home.html#steps", context)
