"""Who tells phones, as the settings say."""

from django.conf import settings

from apps.wallet.providers.apns import Apns
from apps.wallet.providers.base import ObjectKeeper, Pusher
from apps.wallet.providers.google import GoogleWallet
from apps.wallet.providers.local import Nobody


def pusher() -> Pusher:
    return Apns(settings.APNS_URL) if settings.APNS_URL else Nobody()


def google_wallet() -> ObjectKeeper:
    if not settings.GOOGLE_WALLET_URL:
        return Nobody()
    return GoogleWallet(settings.GOOGLE_WALLET_URL, settings.GOOGLE_TOKEN_URL)
