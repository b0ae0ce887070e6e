"""Where providers call back: the platform's host, with the shop's token in the path.

Built from the settings and never from a request: behind a proxy the scheme and the host of
the request are not what the provider signed.
"""

from django.conf import settings


def platform_url() -> str:
    return f"{settings.SCHEME}://{settings.PLATFORM_HOST}{settings.PORT_SUFFIX}"


def status_url(shop_token: str, attempt: str) -> str:
    return f"{platform_url()}/webhooks/twilio/{shop_token}/{attempt}/"


def reply_url(shop_token: str) -> str:
    return f"{platform_url()}/webhooks/twilio/{shop_token}/reponse/"


def reply_mailbox(slug: str) -> str:
    """The address that brings an answer by mail to the shop's inbox; empty without a domain.

    The slug and no token: mail programs do not keep the case of letters.
    """
    return f"{slug}@{settings.REPLY_DOMAIN}" if settings.REPLY_DOMAIN else ""
