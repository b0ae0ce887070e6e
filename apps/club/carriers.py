"""Who brings a parcel, and where its way is followed."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.core.refusal import Refusal

_NUMBER = re.compile(r"[A-Z0-9]{6,40}")
_ADDRESS = re.compile(r"https://[^\s\"<>]{4,190}")


class WrongTracking(Refusal):
    message = _("Donnez le numéro de suivi, lettres et chiffres, tel qu’il est sur l’étiquette.")
    status = 422


class WrongAddress(Refusal):
    message = _("Donnez l’adresse de suivi en entier : elle commence par https://.")
    status = 422


@dataclass(frozen=True, slots=True)
class Carrier:
    """``follows`` has ``%s`` for the parcel's number; empty: an address is typed instead."""

    name: str | Promise
    follows: str = ""

    def read(self, typed: str) -> str:
        """What is kept of what was typed, empty for nothing. Raises ``WrongTracking``,
        ``WrongAddress``."""
        if not self.follows:
            found = typed.strip()
            if found and not _ADDRESS.fullmatch(found):
                raise WrongAddress()
            return found
        found = re.sub(r"[\s-]", "", typed).upper()
        if found and not _NUMBER.fullmatch(found):
            raise WrongTracking()
        return found

    def link(self, tracking: str) -> str:
        """Where the parcel is followed; empty without a number."""
        if not tracking or not self.follows:
            return tracking
        return self.follows % quote(tracking)


CARRIERS = {
    "colissimo": Carrier("Colissimo", "https://www.laposte.fr/outils/suivre-vos-envois?code=%s"),
    "chronopost": Carrier(
        "Chronopost", "https://www.chronopost.fr/tracking-no-cms/suivi-page?listeNumerosLT=%s"
    ),
    "ups": Carrier("UPS", "https://www.ups.com/track?loc=fr_FR&tracknum=%s"),
    "dpd": Carrier("DPD", "https://trace.dpd.fr/fr/trace/%s"),
    "other": Carrier(_("Un autre transporteur")),
}
