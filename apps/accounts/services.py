"""Opening a shop, and its team."""

from apps.accounts.models import Membership, User
from apps.core.roles import Role
from apps.shops.models import Shop, Trade
from apps.shops.services import provision


def open_shop(
    *, user: User, name: str, slug: str, trade: str = Trade.OTHER, sells_alcohol: bool | None = None
) -> Shop:
    """A new shop whose owner is ``user``. Raises ``SlugTaken``."""

    def membership(shop: Shop) -> None:
        Membership.objects.using("owner").create(shop=shop, user_id=user.pk, role=Role.OWNER)

    return provision(
        name=name, slug=slug, beside=membership, trade=trade, sells_alcohol=sells_alcohol
    )
