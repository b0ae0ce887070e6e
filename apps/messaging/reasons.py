"""Codes of failures, as the team reads them: « Numéro invalide (30005) »."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

OWN = "own_"  # + an operator's code: of the shop's own account

_SENTENCES: dict[str, str | Promise] = {
    # before anything left
    "called_off": _("Envoi annulé"),
    "restored": _("Boutique restaurée d’une sauvegarde : non renvoyé, peut-être déjà parti"),
    "stopped": _("A demandé à ne plus rien recevoir"),
    "no_consent": _("N’a pas donné son accord"),
    "address_changed": _("Le numéro ou l’e-mail a changé depuis"),
    "bad_address": _("Numéro ou e-mail déjà refusé par le réseau"),
    "landline": _("Ligne fixe : ne reçoit pas de SMS"),
    "minor": _("Majorité inconnue, ou mineur"),
    "capped": _("Un autre message l’a atteint entre-temps"),
    # the shop's own limits
    "budget": _("Le budget du mois est atteint"),
    "plan": _("Les e-mails de la formule sont épuisés ce mois-ci"),
    # a message that leaves by itself
    "too_soon": _("Un autre message l’a atteint il y a peu"),
    "closed_hours": _("Hors des heures permises"),
    "outdated": _("Plus d’actualité quand un message était de nouveau permis"),
    "not_any_more": _("Plus d’actualité : la personne est revenue, ou le geste a été annulé"),
    "twice_one": _("Déjà reçu sous une autre fiche de la même personne"),
    "no_address": _("Sans numéro ni adresse pour ce message"),
    # nothing left at all
    "card_links_capped": _(
        "Beaucoup de cartes demandées en un jour : la limite d’envois est atteinte. "
        "Les liens de carte repartiront demain"
    ),
    "mail_domain_lost": _(
        "Votre domaine n’autorise plus l’envoi : vos e-mails partent de notre adresse. "
        "Voyez Réglages, E-mail"
    ),
    # the way there
    "network": _("Réseau indisponible"),
    "no_answer": _("L’opérateur n’a pas répondu : peut-être parti"),
    "never_came": _("N’est jamais arrivé chez l’opérateur"),
    "worker_died": _("Envoi interrompu : peut-être parti"),
    "too_fast": _("Trop de messages à la fois"),
    "20429": _("Trop de messages à la fois"),
    "20503": _("Opérateur indisponible"),
    "30001": _("File de l’opérateur pleine"),
    "63018": _("Trop de messages à la fois"),
    # the person
    "21211": _("Numéro invalide"),
    "21610": _("A répondu STOP à l’opérateur"),
    "21614": _("Numéro qui ne reçoit pas de SMS"),
    "30003": _("Téléphone éteint ou hors réseau"),
    "30004": _("Message bloqué par le destinataire ou son opérateur"),
    "30005": _("Numéro invalide"),
    "30006": _("Ligne fixe ou opérateur injoignable"),
    "30007": _("Message filtré par l’opérateur : texte à revoir"),
    "30008": _("Échec sans explication de l’opérateur"),
    "bad_mailbox": _("Adresse e-mail inexistante"),
    "soft_bounce": _("Boîte e-mail pleine ou indisponible"),
    "blocked": _("Adresse bloquée par le service d’e-mail"),
    "unsendable": _("E-mail impossible à composer"),
    "no_file": _("La pièce jointe n’est plus là"),
    # WhatsApp
    "no_template": _("Ce texte n’est celui d’aucun modèle approuvé par WhatsApp"),
    "channel_off": _("Ce canal est fermé dans les réglages"),
    "63003": _("Numéro sans WhatsApp"),
    "63005": _("Contenu refusé par WhatsApp"),
    "63012": _("WhatsApp indisponible"),
    "63013": _("Contraire aux règles de WhatsApp : texte à revoir"),
    "63014": _("A bloqué la boutique sur WhatsApp"),
    "63016": _(
        "Plus de 24 heures depuis son dernier message : seul un modèle approuvé peut partir"
    ),
    "63021": _("Contenu refusé par WhatsApp"),
    "63024": _("Numéro sans WhatsApp"),
    "63027": _("Modèle inconnu de WhatsApp dans cette langue"),
    "63028": _("Modèle : une variable de trop ou de moins"),
    "63032": _("WhatsApp limite les messages à cette personne"),
    "63040": _("Modèle refusé par WhatsApp"),
    "63041": _("Modèle suspendu par WhatsApp"),
    "63042": _("Modèle retiré par WhatsApp"),
    "63049": _("WhatsApp a retenu cette publicité : cette personne en reçoit trop"),
    # notifications
    "push_gone": _("Ce téléphone ne prend plus les notifications"),
    "push_refused": _("Le service de notifications a refusé cet abonnement"),
    "push_too_long": _("Notification trop longue"),
    # the account
    "quota": _("Crédit d’envoi épuisé"),
    "account_refused": _("Compte d’envoi refusé"),
    "10001": _("Compte d’envoi inactif"),
    "10002": _("Compte d’envoi à l’essai"),
    "20003": _("Compte d’envoi refusé ou crédit épuisé"),
    "20005": _("Compte d’envoi inactif"),
    "30002": _("Compte d’envoi suspendu"),
    "21212": _("Nom d’expéditeur refusé"),
    "21606": _("Nom d’expéditeur refusé"),
    "21659": _("Nom d’expéditeur refusé"),
    "21660": _("Nom d’expéditeur refusé"),
    "63001": _("Compte WhatsApp refusé"),
    "63007": _("Numéro WhatsApp inconnu de Twilio"),
    "63020": _("Compte WhatsApp à régulariser chez Meta"),
    "63051": _("Compte WhatsApp suspendu"),
}


def say(code: str) -> str:
    """The French for ``code``, a vendor's number kept beside it; empty for no code."""
    if not code:
        return ""
    if code.startswith(OWN):
        why = say(code.removeprefix(OWN))
        return str(_("%(why)s. C’est votre compte Twilio : voyez Réglages, SMS")) % {"why": why}
    sentence = str(_SENTENCES.get(code) or _("Refusé par l’opérateur"))
    known_word = code in _SENTENCES and not code.isdecimal()
    number = code.rpartition("_")[2]
    return sentence if known_word or not number.isdecimal() else f"{sentence} ({number})"
