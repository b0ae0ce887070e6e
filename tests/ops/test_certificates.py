"""Staff read in the admin which certificate of Apple's ends, as long as it is so."""

from django.utils import timezone

from apps.core.actor import SYSTEM
from apps.core.tenancy import in_schema
from apps.ops.demo.authority import Authority
from apps.wallet.identities import adopt


def test_a_certificate_that_ends_stands_at_the_head_of_the_admin(shop, inside):
    now = timezone.now()
    authority = Authority(now)
    for pass_type, days, owner in (
        ("pass.fr.cave.carte", 20, shop),
        ("pass.fr.comptoir", 400, None),
        ("pass.fr.ancienne", 6, None),
    ):
        made = authority.identity(pass_type, now=now, days=days)
        with in_schema(owner.schema_name if owner else "public"):
            adopt(made, shop=owner, by=SYSTEM, now=now)
    page = inside.get("/").content.decode()
    assert "pass.fr.cave.carte (Cave du Marché)" in page
    assert "pass.fr.ancienne (toutes les boutiques)" in page
    assert "pass.fr.comptoir" not in page
