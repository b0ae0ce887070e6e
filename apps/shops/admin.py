"""Shops and their hosts, for platform staff; ``ops.admin_site`` shows them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.core.admin import ReadOnly
from apps.shops.models import Shop


class ShopAdmin(admin.ModelAdmin):
    """A shop is made by its owner and closed here; its settings are its own."""

    list_display = ("name", "slug", "plan", "unpaid_from", "city", "created_at", "closed_at")
    list_filter = ("plan", "unpaid_why", "trade", "closed_at")
    search_fields = ("name", "slug", "schema_name", "siren")
    ordering = ("name",)
    fields = (
        "name",
        "slug",
        "schema_name",
        "trade",
        "sells_alcohol",
        "city",
        "siren",
        "sms_price_tenths",
        "whatsapp_price_tenths",
        "whatsapp_alcohol",
        "push_alcohol",
        "plan",
        "unpaid_from",
        "unpaid_why",
        "created_at",
        "closed_at",
    )
    readonly_fields = (
        "slug",
        "schema_name",
        "trade",
        "sells_alcohol",
        "city",
        "siren",
        "created_at",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Shop | None = None) -> bool:
        return False


class DomainAdmin(ReadOnly):
    list_display = ("domain", "tenant", "is_primary", "verified_at")
    search_fields = ("domain",)
    list_select_related = ("tenant",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("domain", "tenant", "is_primary", "verified_at", "created_at")


class DomainClaimAdmin(ReadOnly):
    list_display = ("domain", "shop", "created_at")
    search_fields = ("domain",)
    list_select_related = ("shop",)
    fields = ("domain", "shop", "created_at")
