"""What Comptoir costs: the one table that the landing page shows and limits are read from."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TRIAL_DAYS = 30


@dataclass(frozen=True, slots=True)
class Plan:
    """``price_cents`` a month without VAT; ``messages`` are e-mails a month, SMS come on top."""

    code: str
    name: str | Promise
    for_whom: str | Promise
    price_cents: int
    contacts: int
    messages: int
    helpers: int
    own_domain: bool


PLANS = (
    Plan("echoppe", _("Échoppe"), _("Une adresse, une carte, l’essentiel."), 1900, 500, 2_000, 2, False),
    Plan("boutique", _("Boutique"), _("Une équipe au comptoir, votre propre adresse web."), 3900, 3_000, 15_000, 8, True),
    Plan("maison", _("Maison"), _("Beaucoup d’habitués, beaucoup à leur dire."), 7900, 20_000, 100_000, 30, True),
)  # fmt: skip
