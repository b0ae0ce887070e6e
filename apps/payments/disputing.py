"""A dispute in plain French: why the customer's bank asks, what to gather, where to answer."""

from collections.abc import Sequence

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.payments.models import Dispute

_BOUGHT = _("La commande ou l’adhésion : date, montant, conditions acceptées")
_HANDED = _("La preuve de remise : retrait signé, suivi du transporteur")
_WORDS = _("Vos échanges avec le client")
_BACK = _("Votre politique de retour, et ce qui a été rendu ou remboursé")
_ENDED = _("La date de résiliation demandée, et ce qui était dû avant elle")

# Stripe's reason → what the customer says, and what answers it.
_REASONS: dict[str, tuple[str | Promise, Sequence[str | Promise]]] = {
    "credit_not_processed": (_("Un remboursement promis n’est pas arrivé."), (_BACK, _WORDS)),
    "duplicate": (_("Le même achat a été payé deux fois."), (_BOUGHT, _HANDED)),
    "fraudulent": (_("Le client dit ne pas avoir payé lui-même."), (_BOUGHT, _HANDED, _WORDS)),
    "product_not_received": (_("Le client dit n’avoir rien reçu."), (_HANDED, _WORDS)),
    "product_unacceptable": (_("L’article n’était pas celui annoncé."), (_BOUGHT, _BACK, _WORDS)),
    "subscription_canceled": (_("Le client dit avoir résilié avant."), (_ENDED, _BOUGHT, _WORDS)),
    "unrecognized": (_("Le client ne reconnaît pas ce paiement."), (_BOUGHT, _WORDS)),
}
_OTHER = (_("La banque ne dit pas pourquoi."), (_BOUGHT, _HANDED, _WORDS))


def why(dispute: Dispute) -> str:
    return str(_REASONS.get(dispute.reason, _OTHER)[0])


def to_gather(dispute: Dispute) -> list[str]:
    return [str(one) for one in _REASONS.get(dispute.reason, _OTHER)[1]]


def address(dispute: Dispute) -> str:
    """Its page in the shop's own dashboard at Stripe, where it is answered."""
    mode = "" if settings.STRIPE_LIVE_MODE else "test/"
    return f"https://dashboard.stripe.com/{mode}disputes/{dispute.dispute_id}"
