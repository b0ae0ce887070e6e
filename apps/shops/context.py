"""What every template knows of the shop whose host answers."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from apps.shops.models import Shop
from apps.shops.standing import notice


def shop(request: HttpRequest) -> dict[str, Any]:
    here: Shop | None = getattr(request, "shop", None)
    platform = f"{settings.SCHEME}://{settings.PLATFORM_HOST}{settings.PORT_SUFFIX}"
    return {
        "shop": here,
        "standing": notice(here, timezone.now()) if here and here.unpaid_from else None,
        "platform_url": platform,
        "platform_email": settings.PLATFORM_EMAIL_ADDRESS,
        "google_sign_in": settings.GOOGLE_SIGN_IN,
        "local_mode": settings.LOCAL,
    }
