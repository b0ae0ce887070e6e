"""A request after the host was looked up."""

from django.http import HttpRequest

from apps.shops.models import Shop


class ShopRequest(HttpRequest):
    """On a shop's host ``shop`` is set; on the platform's hosts no view of a shop is reached."""

    shop: Shop
    is_admin_host: bool
