"""The platform's public pages: what Comptoir is, what it costs, who answers for it."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.core.doors import public
from apps.shops.plans import PLANS, TRIAL_DAYS

ROBOTS = """User-agent: *
Disallow: /boutiques/
Disallow: /compte/
Disallow: /invitations/
Disallow: /webhooks/
"""


@public
@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    context = {"plans": PLANS, "trial_days": TRIAL_DAYS, "stamps": range(1, 8)}
    return render(request, "shops/landing.html", context)


@public
@require_safe
def legal(request: HttpRequest) -> HttpResponse:
    context = {
        "publisher": settings.PLATFORM_PUBLISHER,
        "editor": settings.PLATFORM_EDITOR,
        "hosting": settings.PLATFORM_HOSTING,
        "contact": settings.PLATFORM_EMAIL_ADDRESS,
    }
    return render(request, "shops/platform_legal.html", context)


@public
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    context = {
        "publisher": settings.PLATFORM_PUBLISHER,
        "contact": settings.PLATFORM_EMAIL_ADDRESS,
    }
    return render(request, "shops/platform_privacy.html", context)


@public
@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    return HttpResponse(ROBOTS, content_type="text/plain; charset=utf-8")
