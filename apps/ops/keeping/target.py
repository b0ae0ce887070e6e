"""Where a backup goes: under its own name it is itself again, under another it is a copy."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from apps.core.tenancy import DatabaseWrapper
from apps.ops.keeping.contents import ALIAS, media
from apps.ops.keeping.refusals import BadName, HalfErased, StillThere
from apps.ops.models import Erasure
from apps.shops.models import Domain, Shop, slug_rule
from apps.shops.services import RESERVED


@dataclass(frozen=True, slots=True)
class Target:
    """Where a backup goes. ``is_copy``: under another name than its own."""

    slug: str
    schema: str
    was: str  # the schema it comes from
    is_copy: bool
    elsewhere: bool  # into another database than ours


def target_of(manifest: dict[str, Any], slug: str, *, elsewhere: bool) -> Target:
    was = manifest["schema"]
    slug = slug or manifest["slug"]
    try:
        slug_rule(slug)
    except ValidationError as error:
        raise BadName(slug=slug) from error
    if slug in RESERVED:
        raise BadName(slug=slug)
    is_copy = slug != manifest["slug"]
    schema = was
    if is_copy or (elsewhere and next(media(was), None)):
        # Not at random: what a killed try left in the storage is found by the next one.
        mark = hashlib.sha256(f"{was}:{manifest['made_at']}".encode()).hexdigest()[:6]
        schema = f"s_{slug.replace('-', '_')}_{mark}"
    return Target(slug, schema, was, is_copy, elsewhere)


def check_free(connection: DatabaseWrapper, target: Target) -> None:
    """Raises ``StillThere``, or ``HalfErased``: an erasure going on would take the new files."""
    if Erasure.objects.using(ALIAS).filter(schema=target.schema, ended_at=None).exists():
        raise HalfErased(slug=target.slug)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [target.schema])
        (stands,) = cursor.fetchone()
    host = Shop(slug=target.slug).host
    shops = Shop.objects.using(ALIAS)
    named = shops.filter(slug=target.slug) | shops.filter(schema_name=target.schema)
    if stands or named.exists() or Domain.objects.using(ALIAS).filter(domain=host).exists():
        raise StillThere(slug=target.slug, schema=target.schema)
