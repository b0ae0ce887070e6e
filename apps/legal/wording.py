"""Legal texts from the shop's settings: what each lacks, its words, and what counsel should read.

A text is plain UTF-8, a paragraph a line: ``## `` begins a heading, ``- `` an item of a list. So
kept, ``sha256sum`` proves it, and any program reads it in ten years.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from apps.core.french import spaced
from apps.invoicing.document import SHOP_FACTS, TERMS_FACTS, Missing, charges_no_vat, unsaid
from apps.invoicing.models import Terms
from apps.legal.models import Kind, SaleTerms
from apps.shops.models import Shop

_REACHED = {"phone": _("votre téléphone"), "email": _("votre e-mail")}
_MEDIATOR = {"mediator": _("le nom de votre médiateur"), "mediator_address": _("son adresse")}
_DELIVERY = {"delivery_zone": _("où vous livrez"), "delivery_cost": _("vos frais de livraison")}
_NAMED = {name: TERMS_FACTS[name] for name in ("legal_form", "registration")}
_IDENTITY, _INVOICING, _TEXTS = "settings_identity", "settings_invoicing", "settings_texts"


def missing_facts(kind: Kind, shop: Shop, terms: Terms, own: SaleTerms) -> list[Missing]:
    """What the settings must say before this text can be published."""
    found = unsaid(shop, SHOP_FACTS, _IDENTITY)
    if kind == Kind.WITHDRAWAL:
        return found + unsaid(shop, {"email": _REACHED["email"]}, _IDENTITY)
    if kind == Kind.DATA:
        return found
    found += unsaid(shop, _REACHED, _IDENTITY) + unsaid(terms, _NAMED, _INVOICING)
    if kind == Kind.NOTICE:
        return found + unsaid(shop, {"publisher": _("qui répond de la publication")}, _IDENTITY)
    if shop.sells_alcohol is None:
        found.append(Missing(_("si vous vendez de l’alcool"), _IDENTITY))
    found += unsaid(own, _MEDIATOR, _TEXTS)
    if not own.hands_over and not own.delivers:
        found.append(Missing(_("comment vos clients reçoivent leur commande"), _TEXTS))
    return found + (unsaid(own, _DELIVERY, _TEXTS) if own.delivers else [])


# What we wrote as well as we could, and a lawyer should confirm for this shop.
COUNSEL: Mapping[str, tuple[Any, ...]] = {
    Kind.SALES: (
        _("les clauses de retrait, de risque et de réserve de propriété ;"),
        _("les exceptions au droit de rétractation propres à vos articles ;"),
        _("l’encadré des garanties légales, repris du code de la consommation ;"),
        _("votre adhésion au médiateur : elle doit être en cours."),
    ),
    Kind.WITHDRAWAL: (_("le formulaire suit le modèle du code (annexe à l’art. R221-1)."),),
    Kind.NOTICE: (_("une profession réglementée a des mentions de plus."),),
    Kind.DATA: (
        _("le délai d’alerte de 48 heures et les modalités d’audit ;"),
        _("les transferts hors de l’Union, selon les prestataires du moment."),
    ),
}


def processors() -> list[tuple[str, Any]]:
    """Whom the platform itself calls upon, as this installation is set up."""
    known = (
        (settings.SMS_PROVIDER == "twilio", "Twilio", "SMS et WhatsApp"),
        (settings.EMAIL_PROVIDER == "brevo", "Brevo", "envoi des e-mails"),
        (bool(settings.STRIPE_SECRET_KEY), "Stripe", "paiements et abonnements"),
    )
    return [(name, does) for is_used, name, does in known if is_used]


def write(kind: Kind, shop: Shop, terms: Terms, own: SaleTerms) -> str:
    """The text of today, with what is unsaid left out."""
    said = render_to_string(
        f"legal/texts/{kind}.txt",
        {
            "shop": shop,
            "terms": terms,
            "own": own,
            "siren": "\u00a0".join(shop.siren[at : at + 3] for at in range(0, 9, 3)),
            "exemption": charges_no_vat(shop, terms),
            "processors": processors(),
            "platform": {
                "publisher": settings.PLATFORM_PUBLISHER,
                "hosting": settings.PLATFORM_HOSTING,
                "email": settings.PLATFORM_EMAIL_ADDRESS,
            },
        },
    )
    return spaced("\n".join(_paragraphs(said)))


def _paragraphs(said: str) -> list[str]:
    """A paragraph a line, however its source broke it."""
    found, goes_on = list[str](), False
    for line in (one.strip() for one in said.splitlines()):
        if goes_on and line and not line.startswith(("- ", "## ")):
            found[-1] += f" {line}"
        elif line:
            found.append(line)
        goes_on = bool(line) and not line.startswith("## ")
    return found
