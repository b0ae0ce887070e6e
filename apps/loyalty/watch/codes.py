"""The code of an open card that is not where its card is: one image of it on two phones."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.review.kinds import Kind, Names
from apps.review.models import Case


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
