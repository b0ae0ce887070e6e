"""A draft is written to; what was launched is not."""

from django.utils.translation import gettext_lazy as _

from apps.campaigns.models import Drop
from apps.core.refusal import Refusal


class AlreadyLaunched(Refusal):
    message = _("Ce message est déjà lancé : il ne se modifie plus.")


def draft(drop_id: int) -> Drop:
    """The draft, locked. Raises ``AlreadyLaunched``."""
    drop = Drop.objects.select_for_update().get(pk=drop_id)
    if not drop.is_draft:
        raise AlreadyLaunched()
    return drop
