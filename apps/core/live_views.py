"""The door at which an open page asks for news."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.core import live
from apps.core.doors import public


@public
@require_safe
def news(request: HttpRequest, key: str) -> HttpResponse:
    """304 while what the page shows stands, else 204: the page then asks for itself.

    No session and no template: it is asked all day long. The page's own door judges who may see.
    """
    try:
        tag = f'"{live.version(key)}"'
    except live.NothingToFollow as error:
        raise Http404 from error
    same = request.headers.get("If-None-Match") == tag
    headers = {"ETag": tag, "Cache-Control": "no-store"}
    return HttpResponse(status=304 if same else 204, headers=headers)
