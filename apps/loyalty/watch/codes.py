"""The code of an open card that is not where its card is: one image of it on two phones, or one
that was over when a phone without signal scanned it."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.loyalty.watch.base import OfStamps
from apps.review.kinds import Kind, Names
from apps.review.models import Case


class LateCode(OfStamps):
    """Scanned without signal, when it was worth nothing any more: stamped, and listed."""

    name, label = "late-code", gettext_lazy("Code périmé, sans réseau")

    def sentence(self, case: Case, names: Names) -> str:
        minutes = case.facts["minutes"]
        told = ngettext(
            "Sans réseau, %(who)s a tamponné la carte de %(whom)s avec un code vieux de "
            "%(minutes)d minute : peut-être une capture d’écran.",
            "Sans réseau, %(who)s a tamponné la carte de %(whom)s avec un code vieux de "
            "%(minutes)d minutes : peut-être une capture d’écran.",
            minutes,
        )
        return told % {"who": names.who, "whom": names.whom, "minutes": minutes}


class CodeTwice(Kind):
    name, label = "code-twice", gettext_lazy("Code vu deux fois")

    def sentence(self, case: Case, names: Names) -> str:
        told = _(
            "Le même code de la carte de %(whom)s a été scanné sur deux téléphones, la seconde "
            "fois par %(who)s : une image de son écran circule peut-être."
        )
        return told % {"whom": names.whom, "who": names.who}

    def address(self, case: Case) -> str:
        return reverse("counter-card", args=[case.facts["card"]])
