"""The team's doors to the poster."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.requests import TeamRequest
from apps.core.doors import door
from apps.core.roles import Right
from apps.loyalty.poster import draw_poster, join_url
from apps.loyalty.services import the_programme


@door(Right.LOYALTY_RULES)
@require_safe
def poster_page(request: TeamRequest) -> HttpResponse:
    """The poster as it will be printed, and what to do with it."""
    context = {"section": "loyalty", "programme": the_programme(), "url": join_url(request.shop)}
    return render(request, "loyalty/poster.html", context)


@door(Right.LOYALTY_RULES)
@require_safe
def poster_pdf(request: TeamRequest) -> HttpResponse:
    """The A4 page to print."""
    name = f"affiche-{request.shop.slug}.pdf"
    return HttpResponse(
        draw_poster(request.shop, the_programme()),
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{name}"',
            "Cache-Control": "private, no-cache",
        },
    )


@door(Right.LOYALTY_RULES)
@require_safe
def poster_picture(request: TeamRequest) -> HttpResponse:
    """The same page as a picture, for the screen."""
    return HttpResponse(
        draw_poster(request.shop, the_programme(), "png"),
        content_type="image/png",
        headers={"Cache-Control": "private, no-cache"},
    )
