"""What a shop entrusts to us: keys of its accounts elsewhere, certificates, tokens.

Sealed (``core.sealing``) and bound to the shop's schema and the secret's name: a row copied to
another shop, or to another name, does not open. Pages are given the last four signs and never the
rest; the trail says that something was kept or forgotten, and not what. A backup carries what is
sealed: the same shop opens it again where the same keys are, a copy never does.
"""

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from apps.core.actor import Actor
from apps.core.sealing import Sealed, Unopenable, first_key, seal, unseal
from apps.core.tenancy import across_shops
from apps.core.trail import record
from apps.shops.models import Secret, Shop

TAIL = 4
SHORTEST = 16  # of a shorter one, four signs would tell too much
BATCH = 200


def _place(schema: str, name: str) -> str:
    return f"{schema}\0{name}"


def _tail(secret: bytes) -> str:
    """What the owner recognises a key by; nothing of a short one or of a file."""
    end = secret[-TAIL:].decode("ascii", "replace")
    return end if len(secret) >= SHORTEST and end.isalnum() and end.isascii() else ""


@transaction.atomic
def keep(*, shop: Shop, name: str, secret: bytes, by: Actor) -> None:
    """Keep ``secret`` under ``name``, in place of what was kept there."""
    sealed = seal(secret, _place(shop.schema_name, name))
    kept = {"sealed": sealed.data, "sealed_by": sealed.by, "tail": _tail(secret)}
    row, is_new = Secret.objects.update_or_create(
        shop=shop, name=name, defaults={**kept, "kept_at": timezone.now()}
    )
    verb = "vault.set" if is_new else "vault.replace"
    record(by, verb, "secret", row.pk, after={"name": name})


def read(shop: Shop, name: str) -> bytes | None:
    """The secret; None when none is kept. Raises ``Unopenable``."""
    row = Secret.objects.filter(shop=shop, name=name).first()
    return unseal(row.as_sealed, _place(shop.schema_name, name)) if row else None


def carried(sealed: Sealed, name: str, *, was: str, here: str) -> Sealed:
    """The secret of a shop that is moved from the schema ``was``. Raises ``Unopenable``."""
    secret = unseal(sealed, _place(was, name))
    return sealed if was == here else seal(secret, _place(here, name))


def tails(shop: Shop, prefix: str) -> dict[str, str]:
    """The names that begin with ``prefix``, and the last signs of each secret."""
    found = Secret.objects.filter(shop=shop, name__startswith=prefix).order_by("name")
    return dict(found.values_list("name", "tail"))


@transaction.atomic
def forget(*, shop: Shop, name: str, by: Actor) -> None:
    """Nothing is kept under ``name`` any more."""
    row = Secret.objects.select_for_update().filter(shop=shop, name=name).first()
    if row is not None:
        record(by, "vault.remove", "secret", row.pk, before={"name": name})
        row.delete()


def rotate(say: Callable[[str], object] = lambda line: None) -> tuple[int, int]:
    """Seal every shop's secrets anew with the first key; (done, not opened by any key).

    Killed, it goes on where it was: what the first key has sealed is not looked at again. A secret
    that its owner replaces meanwhile is theirs.
    """
    done = locked = last = 0
    while True:
        with across_shops():
            waiting = Secret.objects.exclude(sealed_by=first_key()).filter(pk__gt=last)
            rows = list(waiting.order_by("pk")[:BATCH])
            for row in rows:
                last = row.pk
                place = _place(row.shop_id, row.name)
                try:
                    again = seal(unseal(row.as_sealed, place), place)
                except Unopenable:
                    locked += 1
                    say(f"{row.shop_id}, « {row.name} » : aucune des clés ne l’ouvre.")
                    continue
                same = Secret.objects.filter(pk=row.pk, sealed=row.sealed)
                done += same.update(sealed=again.data, sealed_by=again.by)
        if not rows:
            return done, locked
