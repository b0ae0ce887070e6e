"""What keeping says no to; each sentence says what to do."""

from django.utils.translation import gettext_lazy as _

from apps.core.refusal import Refusal


class NoSuchShop(Refusal):
    message = _("Aucune boutique ne s’appelle « %(slug)s ».")
    status = 404


class AlreadyThere(Refusal):
    message = _("« %(path)s » existe déjà : choisissez un autre nom, rien n’est écrasé.")


class NotOurs(Refusal):
    message = _("Ce fichier n’est pas %(wanted)s : rien n’a été écrit.")
    status = 422


class OtherFormat(Refusal):
    message = _(
        "Ce fichier est au format %(found)s, ce code lit le format %(known)s. "
        "Prenez la version %(version)s de Comptoir, qui l’a écrit."
    )
    status = 422


class OtherKey(Refusal):
    message = _(
        "Cette sauvegarde a été faite sous une autre SECRET_KEY : la liste des oppositions "
        "(empreintes à clé) ne reconnaîtrait plus personne, et qui a dit STOP serait de nouveau "
        "sollicité. Restaurez avec la même clé."
    )
    status = 422


class NewerSchema(Refusal):
    message = _(
        "Cette sauvegarde est plus récente que cette base, qui ne connaît pas : %(names)s. "
        "Mettez le code à jour (version %(version)s ou suivante), lancez « manage.py "
        "migrate_shops », puis restaurez."
    )


class OlderSchema(Refusal):
    message = _(
        "Cette sauvegarde est plus ancienne que cette base : il lui manque %(names)s. Restaurez-la "
        "avec la version %(version)s de Comptoir dans une base à part, lancez-y « manage.py "
        "migrate_shops » de la version actuelle, sauvegardez, puis restaurez ici."
    )


class OtherTables(Refusal):
    message = _(
        "Les tables de la sauvegarde ne sont pas celles de cette base, à migrations égales : "
        "%(names)s. L’une des deux a été modifiée à la main."
    )


class NotReady(Refusal):
    message = _(
        "Cette base n’a pas les tables de Comptoir. Lancez d’abord « manage.py migrate_shops » "
        "avec DATABASE_OWNER_URL pointant sur elle."
    )


class StillThere(Refusal):
    message = _(
        "Une boutique répond déjà à « %(slug)s » (ou son schéma %(schema)s existe). Restaurez sous "
        "un autre nom avec --as, ou effacez-la d’abord."
    )


class BadName(Refusal):
    message = _(
        "« %(slug)s » ne peut pas nommer une boutique : de 3 à 40 lettres minuscules, chiffres et "
        "tirets, sans nom réservé."
    )
    status = 422


class HalfErased(Refusal):
    message = _(
        "L’effacement de « %(slug)s » n’est pas terminé : relancez « manage.py erase_shop "
        "%(slug)s » d’abord."
    )


class AlreadyErasing(Refusal):
    message = _("« %(slug)s » est déjà en cours d’effacement par une autre commande.")


class StillBusy(Refusal):
    message = _(
        "Un travail écrit encore dans cette boutique, fermée entre-temps : relancez la commande "
        "dans une minute."
    )


class ArchiveUnproven(Refusal):
    message = _(
        "L’archive relue n’est pas celle qui a été écrite : rien n’a été supprimé. Vérifiez "
        "%(place)s, puis relancez."
    )
