"""What the counter may not do, and the sentence for it."""

from django.utils.translation import gettext_lazy as _

from apps.core.refusal import Refusal


class CardMerged(Refusal):
    message = _("Cette carte a été réunie avec une autre. Cherchez la personne par son nom.")


class TokenSpent(Refusal):
    message = _("Cette page a déjà servi pour un autre geste. Rechargez-la, puis recommencez.")


class StampedJustNow(Refusal):
    message = _(
        "Carte déjà tamponnée il y a %(ago)s min. Prochain tampon possible dans %(wait)s min."
    )


class VisitCounted(Refusal):
    message = _("Le passage d’aujourd’hui est déjà compté.")


class AmountMissing(Refusal):
    message = _("Tapez le montant de l’achat : c’est lui qui compte sur la carte.")
    status = 422


class HourlyLimit(Refusal):
    message = _(
        "Vous avez donné %(limit)s tampons en une heure, la limite de la boutique. "
        "Vous pourrez tamponner dans %(wait)s min."
    )


class UndoTooLate(Refusal):
    message = _("Un tampon s’annule dans les dix minutes. Celui-ci est plus ancien.")


class NotYourStamp(Refusal):
    message = _("Seule la personne qui a tamponné, ou un responsable, peut annuler ce tampon.")
    status = 403


class RewardAlreadyGiven(Refusal):
    message = _("La récompense gagnée avec ce tampon a déjà été offerte : il ne s’annule plus.")


class CountedOtherwise(Refusal):
    message = _("Ce passage date d’avant le changement de programme : il ne se reprend plus.")


class NothingToReturn(Refusal):
    message = _("Ce passage a déjà été repris.")


class ReturnTooMuch(Refusal):
    message = _("De cet achat, il reste %(left)s à rendre au plus.")
    status = 422


class RewardSpent(Refusal):
    message = _("Cette récompense a déjà été offerte.")


class RewardGone(Refusal):
    message = _("Cette récompense a été retirée : le tampon qui la donnait a été annulé.")


class RewardExpired(Refusal):
    message = _("Cette récompense était à prendre avant le %(day)s.")


class OfferGone(Refusal):
    message = _("Cette récompense n’existe plus. Rechargez la page.")


class TooFewPoints(Refusal):
    message = _("La carte n’a pas assez de points pour cette récompense.")
