"""What anybody may fetch of the catalogue: a photo, under a name nobody guesses."""

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404
from django.views.decorators.http import require_safe

from apps.catalog.services.photos import SIZES, stored_name
from apps.core.doors import public
from apps.shops.requests import ShopRequest

FOREVER = "public, max-age=31536000, immutable"


@public
@require_safe
def photo(request: ShopRequest, photo: str, size: str) -> FileResponse:
    """A drawn photo; its name is a hash of its content, so it never changes."""
    if size not in SIZES or not photo.isalnum():
        raise Http404
    try:
        file = default_storage.open(stored_name(photo, size))
    except FileNotFoundError as error:
        raise Http404 from error
    response = FileResponse(file, content_type="image/webp")
    response["Cache-Control"] = FOREVER
    return response
