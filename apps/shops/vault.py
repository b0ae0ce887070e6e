"""What a shop entrusts to us, and what the platform keeps for itself (``shop`` is None): keys of
accounts elsewhere, certificates, tokens.

Sealed (``core.sealing``) and bound to the shop's schema and the secret's name: a row copied to
another shop, or to another name, does not open. Pages are given the last four signs and never the
rest; the trail says that something was kept or forgotten, and not what. A backup carries what is
sealed: the same shop opens it again where the same keys are, a copy never does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.core.actor import Actor
from apps.core.sealing import Sealed, Unopenable, first_key, seal, unseal
from apps.core.tenancy import across_shops
from apps.core.trail import record
from apps.shops.models import PlatformSecret, Secret, Shop

TAIL = 4
SHORTEST = 16  # of a shorter one, four signs would tell too much
BATCH = 200
PLATFORM = "public"  # in place of a shop's schema
MODELS = (Secret, PlatformSecret)


@dataclass(frozen=True, slots=True)
class Kept:
    """A secret as it lies there: what lists show, and what ``secret`` opens."""

    pk: int
    shop_id: str | None
    name: str
    tail: str
    kept_at: datetime
    expires_at: datetime | None
    sealed: Sealed

    @property
    def secret(self) -> bytes:
        """Raises ``Unopenable``."""
        return unseal(self.sealed, _place(self.shop_id, self.name))


def _place(schema: str | None, name: str) -> str:
    return f"{schema or PLATFORM}\0{name}"


def _tail(secret: bytes) -> str:
    """What the owner recognises a key by; nothing of a short one or of a file."""
    end = secret[-TAIL:].decode("ascii", "replace")
    return end if len(secret) >= SHORTEST and end.isalnum() and end.isascii() else ""


@transaction.atomic
def keep(
    *,
    shop: Shop | None,
    name: str,
    secret: bytes,
    by: Actor,
    expires_at: datetime | None = None,
) -> None:
    """Keep ``secret`` under ``name``, in place of what was kept there."""
    sealed = seal(secret, _place(shop and shop.schema_name, name))
    kept: dict[str, Any] = {"sealed": sealed.data, "sealed_by": sealed.by, "tail": _tail(secret)}
    kept |= {"expires_at": expires_at, "told_days": None, "kept_at": timezone.now()}
    if shop is None:  # the trail is a shop's
        PlatformSecret.objects.update_or_create(name=name, defaults=kept)
        return
    row, is_new = Secret.objects.update_or_create(shop=shop, name=name, defaults=kept)
    verb = "vault.set" if is_new else "vault.replace"
    record(by, verb, "secret", row.pk, after={"name": name})


def read(shop: Shop | None, name: str) -> bytes | None:
    """The secret; None when none is kept. Raises ``Unopenable``."""
    row = _of(shop).filter(name=name).first()
    return _kept(row).secret if row else None


def listed(shop: Shop | None, *prefixes: str) -> list[Kept]:
    """What is kept under names that begin with one of ``prefixes``, by name."""
    named = reduce(or_, (Q(name__startswith=prefix) for prefix in prefixes))
    return [_kept(row) for row in _of(shop).filter(named).order_by("name")]


def _of(shop: Shop | None) -> QuerySet[Any]:
    return Secret.objects.filter(shop=shop) if shop else PlatformSecret.objects.all()


def _kept(row: Secret | PlatformSecret) -> Kept:
    shop_id = row.shop_id if isinstance(row, Secret) else None
    said = (row.name, row.tail, row.kept_at, row.expires_at)
    return Kept(row.pk, shop_id, *said, row.as_sealed)


def carried(sealed: Sealed, name: str, *, was: str, here: str) -> Sealed:
    """The secret of a shop that is moved from the schema ``was``. Raises ``Unopenable``."""
    secret = unseal(sealed, _place(was, name))
    return sealed if was == here else seal(secret, _place(here, name))


def tails(shop: Shop, prefix: str) -> dict[str, str]:
    """The names that begin with ``prefix``, and the last signs of each secret."""
    found = Secret.objects.filter(shop=shop, name__startswith=prefix).order_by("name")
    return dict(found.values_list("name", "tail"))


@transaction.atomic
def forget(*, shop: Shop | None, name: str, by: Actor) -> None:
    """Nothing is kept under ``name`` any more."""
    row = _of(shop).select_for_update().filter(name=name).first()
    if row is None:
        return
    if shop:
        record(by, "vault.remove", "secret", row.pk, before={"name": name})
    row.delete()


def ending(before: datetime) -> list[Kept]:
    """Everybody's secrets that end by themselves before that moment, the first to end first."""
    with across_shops():
        both = (model.objects.filter(expires_at__lt=before) for model in MODELS)
        found = [_kept(row) for rows in both for row in rows]
    return sorted(found, key=lambda kept: (kept.expires_at, kept.name))


def warn_once(kept: Kept, days: int) -> bool:
    """True for the first who tells that ``kept`` ends within so many days: a warning of fewer
    days says it too."""
    model = Secret if kept.shop_id else PlatformSecret
    untold = Q(told_days=None) | Q(told_days__gt=days)
    with across_shops():
        mine = model.objects.filter(pk=kept.pk, expires_at=kept.expires_at)
        return bool(mine.filter(untold).update(told_days=days))


def rotate(say: Callable[[str], object] = lambda line: None) -> tuple[int, int]:
    """Seal everybody's secrets anew with the first key; (done, not opened by any key).

    Killed, it goes on where it was: what the first key has sealed is not looked at again. A secret
    that its owner replaces meanwhile is theirs.
    """
    turns = [_rotate(model, say) for model in MODELS]
    return sum(done for done, _ in turns), sum(locked for _, locked in turns)


def _rotate(model: type[Secret | PlatformSecret], say: Callable[[str], object]) -> tuple[int, int]:
    done = locked = last = 0
    while True:
        with across_shops():
            waiting = model.objects.exclude(sealed_by=first_key()).filter(pk__gt=last)
            rows = [_kept(row) for row in waiting.order_by("pk")[:BATCH]]
            for kept in rows:
                last = kept.pk
                try:
                    again = seal(kept.secret, _place(kept.shop_id, kept.name))
                except Unopenable:
                    locked += 1
                    whose = kept.shop_id or "plateforme"
                    say(f"{whose}, « {kept.name} » : aucune des clés ne l’ouvre.")
                    continue
                same = model.objects.filter(pk=kept.pk, sealed=kept.sealed.data)
                done += same.update(sealed=again.data, sealed_by=again.by)
        if not rows:
            return done, locked
