"""The bar above the settings: its groups, and beneath the one that is open its pages."""

from typing import Any

from django import template
from django.utils.translation import gettext_lazy as _

register = template.Library()

# Each page by its tab; its address is named ``settings_<tab>``.
GROUPS = (
    (
        _("La boutique"),
        {
            "identity": _("Identité"),
            "look": _("Apparence"),
            "domain": _("Domaine"),
            "wallet": _("Wallet"),
        },
    ),
    (
        _("Les messages"),
        {
            "messages": _("Règles"),
            "sms": _("SMS"),
            "mail": _("E-mail"),
            "whatsapp": _("WhatsApp"),
        },
    ),
    (
        _("La vente"),
        {
            "account": _("Encaissement"),
            "invoicing": _("Factures"),
            "texts": _("Textes légaux"),
        },
    ),
    (_("Abonnement"), {"plan": _("Abonnement")}),
)


@register.inclusion_tag("shops/settings_tabs.html")
def settings_tabs(tab: str) -> dict[str, Any]:
    groups = [
        {
            "name": name,
            "first": f"settings_{next(iter(pages))}",
            "pages": [(key, f"settings_{key}", label) for key, label in pages.items()],
            "is_open": tab in pages,
        }
        for name, pages in GROUPS
    ]
    return {"groups": groups, "tab": tab, "open": next(one for one in groups if one["is_open"])}
