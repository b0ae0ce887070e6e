"""Comptoir's own shop, which sells nothing but plans: it invoices them to the others."""

from django.conf import settings

from apps.accounts.models import Membership, User
from apps.core.actor import SYSTEM
from apps.core.roles import Role
from apps.core.tenancy import in_schema
from apps.invoicing.models import Terms
from apps.invoicing.services import change_terms
from apps.shops.models import Shop
from apps.shops.services import provision

FIELDS = {
    "name": "Comptoir",
    "trade": "other",
    "plan": "",
    "accent": "#1f3a5f",
    "street": "8 rue des Tanneries",
    "postal_code": "21000",
    "city": "Dijon",
    "email": "factures@comptoir.exemple.fr",
    "legal_name": "Comptoir SAS",
    "siren": "794598813",
    "publisher": "Équipe Comptoir",
}
TERMS = {
    "legal_form": "SAS au capital de 50 000 €",
    "registration": "RCS Dijon 794 598 813",
    "vat_number": "FR14794598813",
    "days_to_pay": 0,  # a plan is paid when its month begins
}


def write(staff: list[User]) -> None:
    """Where plans are paid for; again, nothing."""
    slug = settings.PLATFORM_SHOP
    if not slug:
        return
    shop = Shop.objects.filter(slug=slug).first() or provision(slug=slug, **FIELDS)  # type: ignore[arg-type]
    with in_schema(shop.schema_name):
        for user in staff:
            Membership.objects.get_or_create(shop=shop, user=user, defaults={"role": Role.OWNER})
        if not Terms.objects.exists():
            change_terms(TERMS, by=SYSTEM)
