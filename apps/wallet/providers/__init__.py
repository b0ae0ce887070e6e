"""Who tells phones, as the settings say."""

from django.conf import settings

from apps.wallet.providers.apns import Apns
from apps.wallet.providers.base import Pusher
from apps.wallet.providers.local import Nobody


def pusher() -> Pusher:
    return Apns(settings.APNS_URL) if settings.APNS_URL else Nobody()
