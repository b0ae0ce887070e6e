"""How old one must be, and the proof that alcohol is handed over against (french-rules §2)."""

from datetime import date
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from apps.core.refusal import Refusal

if TYPE_CHECKING:
    from apps.contacts.models import Contact

ADULT = 18


class Minor(Refusal):
    message = _("L’alcool, vendu ou offert, est réservé aux personnes de 18 ans et plus.")
    status = 403


class IdNotChecked(Refusal):
    message = _("C’est de l’alcool : vérifiez une pièce d’identité, puis cochez la case.")
    status = 422


def age_on(today: date, born: date) -> int:
    """In whole years."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def refuse_minor(person: "Contact", today: date) -> None:
    """Raises ``Minor`` for whom we know to be one."""
    if person.birth_date and not person.is_adult(today):
        raise Minor()


def check_proof(person: "Contact", id_checked: bool, today: date) -> None:
    """Before alcohol passes from hand to hand, sold or offered (CSP L3342-1): the team saw a
    proof of age. Raises ``Minor``, ``IdNotChecked``."""
    refuse_minor(person, today)
    if not id_checked:
        raise IdNotChecked()
