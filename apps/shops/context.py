"""What every template knows of the shop whose host answers."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def shop(request: HttpRequest) -> dict[str, Any]:
    platform = f"{settings.SCHEME}://{settings.PLATFORM_HOST}{settings.PORT_SUFFIX}"
    return {
        "shop": getattr(request, "shop", None),
        "platform_url": platform,
        "platform_email": settings.PLATFORM_EMAIL_ADDRESS,
        "google_sign_in": settings.GOOGLE_SIGN_IN,
        "local_mode": settings.LOCAL,
    }
