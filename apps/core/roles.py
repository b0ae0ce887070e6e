"""Who may do what: one table, read by the doors, shown on the team's screen."""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    OWNER = "owner", _("Propriétaire")
    MANAGER = "manager", _("Responsable")
    HELPER = "helper", _("Vendeur, vendeuse")


class Right(StrEnum):
    """Something a person may do; ``RIGHTS`` says which roles may."""

    COUNTER = "counter"
    BELONG = "belong"
    SEE_HOME = "see_home"
    SEE_CONTACTS = "see_contacts"
    EDIT_CONTACTS = "edit_contacts"
    IMPORT_EXPORT = "import_export"
    WRITE_DROPS = "write_drops"
    CATALOGUE = "catalogue"
    INVOICES = "invoices"
    CLUB = "club"
    LOYALTY_RULES = "loyalty_rules"
    SHOP_SETTINGS = "shop_settings"
    INVITE_HELPERS = "invite_helpers"
    DEVICES = "devices"
    TEAM = "team"
    HAND_OVER = "hand_over"


_ALL = frozenset(Role)
_LEADS = frozenset({Role.OWNER, Role.MANAGER})
_OWNER = frozenset({Role.OWNER})

RIGHTS = {
    Right.COUNTER: (_("Tamponner, offrir une récompense, ajouter un contact"), _ALL),
    Right.BELONG: (_("Voir l’équipe, tenir son propre compte"), _ALL),
    Right.SEE_HOME: (_("Voir l’accueil et les chiffres"), _LEADS),
    Right.SEE_CONTACTS: (_("Voir la liste et les fiches des clients"), _LEADS),
    Right.EDIT_CONTACTS: (_("Modifier une fiche, corriger une carte"), _LEADS),
    Right.IMPORT_EXPORT: (_("Importer et exporter les clients"), _LEADS),
    Right.WRITE_DROPS: (_("Écrire et envoyer un Daily Drop"), _LEADS),
    Right.CATALOGUE: (_("Tenir le catalogue, les prix et le stock"), _LEADS),
    Right.INVOICES: (_("Écrire des factures, noter leurs paiements"), _LEADS),
    Right.CLUB: (_("Tenir le club, ses formules et ses membres"), _LEADS),
    Right.LOYALTY_RULES: (_("Régler le programme de fidélité"), _LEADS),
    Right.INVITE_HELPERS: (_("Inviter et retirer des vendeurs"), _LEADS),
    Right.DEVICES: (_("Relier et retirer les téléphones, débloquer un code"), _LEADS),
    Right.SHOP_SETTINGS: (_("Régler la boutique, son domaine et ses mentions"), _OWNER),
    Right.TEAM: (_("Nommer des responsables, changer les rôles"), _OWNER),
    Right.HAND_OVER: (_("Céder la boutique"), _OWNER),
}

# What a person may do on a phone of the shop that knows them by their PIN alone.
OPENED_BY_PIN = frozenset({Right.COUNTER})


def may(role: str | None, right: Right) -> bool:
    """Whether ``role`` (None: not a member) has ``right``."""
    return role in RIGHTS[right][1]
