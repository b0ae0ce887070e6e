"""What the owner says of the first steps."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.analytics.onboarding import HIDDEN, TICKABLE, checklist
from apps.core.refusal import Refusal
from apps.core.roles import Role, may
from apps.shops.models import Shop


class NotTickable(Refusal):
    message = _("Cette étape se coche d’elle-même quand elle est faite.")
    status = 422


class NotYourStep(Refusal):
    message = _("Cette étape revient à la personne propriétaire.")
    status = 403


class StepsLeft(Refusal):
    message = _("Il reste des étapes : la liste se range quand tout est fait.")


def tick(shop: Shop, role: str, key: str, *, done: bool) -> None:
    """A person of ``role`` says a step is done, or takes it back.

    Raises ``NotTickable``, or ``NotYourStep`` when the role may not do the step itself.
    """
    if key not in TICKABLE:
        raise NotTickable()
    if not may(role, TICKABLE[key]):
        raise NotYourStep()
    _write(shop, key, present=done)


def put_away(shop: Shop) -> None:
    """The checklist is finished and need not be seen any more. Raises ``StepsLeft``."""
    found = checklist(shop, Role.OWNER)
    if found is None:
        return
    if not found.finished:
        raise StepsLeft()
    _write(shop, HIDDEN, present=True)


@transaction.atomic
def _write(shop: Shop, key: str, *, present: bool) -> None:
    row = Shop.objects.select_for_update().get(pk=shop.pk)
    kept = [name for name in row.steps_done if name != key]
    row.steps_done = [*kept, key] if present else kept
    row.save(update_fields=["steps_done"])
    shop.steps_done = row.steps_done
