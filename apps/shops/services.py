"""Making a shop, and changing what it says of itself."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections, transaction
from django.utils.translation import gettext_lazy as _

from apps.core.actor import Actor
from apps.core.facts import announce
from apps.core.french import search_key
from apps.core.reading import columns, instance, one
from apps.core.refusal import Refusal
from apps.core.tenancy import current_schema, database, in_schema
from apps.core.tokens import readable_code
from apps.core.trail import record
from apps.shops import ledger
from apps.shops.blueprint import Blueprint, read_blueprint
from apps.shops.facts import ShopChanged
from apps.shops.migrating import TEMPLATE_LOCK, owner_connection
from apps.shops.models import TEMPLATE_SCHEMA, Domain, SchemaState, Shop, slug_rule

RESERVED = frozenset(
    [
        "admin",
        "api",
        "app",
        "assets",
        "boutique",
        "comptoir",
        "connexion",
        "demo",
        "help",
        "mail",
        "media",
        "static",
        "status",
        "support",
        "webhooks",
        "www",
    ]
)


_HERE = f"SELECT {columns(Shop, 's')} FROM public.shops_shop s WHERE s.schema_name = %s"


def shop_here() -> Shop:
    """The shop in whose schema the connection stands: its host's request, or its job."""
    tenant = database().tenant
    if isinstance(tenant, Shop):
        return tenant
    row = one(_HERE, [current_schema()])
    if row is None:
        raise Shop.DoesNotExist()
    return instance(Shop, row)


def every_open_shop() -> Iterator[Shop]:
    """Each open shop in turn, the connection standing in its schema: how recurring work in public
    goes round. Between two shops a connection that remembers too many is renewed, so nothing may
    be kept on it: no transaction, no cursor. A shop that this code is ahead of waits.
    """
    for shop in ledger.served_shops():
        with in_schema(shop.schema_name):
            yield shop
        database().close_if_unusable_or_obsolete()


class SlugTaken(Refusal):
    message = _("Cette adresse est déjà prise. Essayez avec votre ville : « %(idea)s ».")


def propose_slug(name: str) -> str:
    """A host label from a shop's name: « Cave du Marché » → ``cave-du-marche``."""
    slug = re.sub(r"[^a-z0-9]+", "-", search_key(name)).strip("-")[:40].strip("-")
    return slug if len(slug) >= 3 else f"boutique-{slug}".strip("-")


def slug_is_free(slug: str) -> bool:
    try:
        slug_rule(slug)
    except ValidationError:
        return False
    host = f"{slug}.{settings.PLATFORM_HOST}"
    taken = slug in RESERVED or host == settings.ADMIN_HOST
    return not taken and not Domain.objects.filter(domain=host).exists()


@lru_cache(maxsize=1)
def _blueprint(version: str) -> Blueprint:
    return read_blueprint(owner_connection(), TEMPLATE_SCHEMA)


def template_version(using: str = "owner") -> str:
    """Where the template stands. Inside a transaction, it stays there until its end: a deploy
    that wants to change it waits (and this waits for one that is changing it)."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [TEMPLATE_LOCK])
    return SchemaState.objects.using(using).get(pk=TEMPLATE_SCHEMA).version


def provision(
    *, name: str, slug: str, beside: Callable[[Shop], object] = lambda shop: None, **fields: object
) -> Shop:
    """Make a shop: its row, its host and its schema, in one transaction of the owner role.

    ``beside(shop)`` runs in that transaction too (``using="owner"``): a higher room's public
    rows, such as the owner's membership. The owner role replays the template's DDL (50 ms);
    a failure or a kill in the middle leaves nothing. Raises ``SlugTaken``.
    """
    if not slug_is_free(slug):
        raise SlugTaken(idea=f"{slug[:36]}-{readable_code(3).lower()}")
    schema = f"s_{slug.replace('-', '_')}_{readable_code(4).lower()}"
    connection = owner_connection()
    try:
        with transaction.atomic(using="owner"):
            version = template_version()
            shop = Shop(name=name, slug=slug, schema_name=schema, schema_version=version, **fields)
            shop.save(using="owner")
            Domain.objects.using("owner").create(
                domain=shop.host, tenant=shop, is_primary=True, verified_at=shop.created_at
            )
            beside(shop)
            with connection.cursor() as cursor:
                cursor.execute(_blueprint(version).script(connection.ops.quote_name(schema)))
                cursor.execute(
                    "INSERT INTO django_migrations (app, name, applied) SELECT app, name, applied "
                    f"FROM {TEMPLATE_SCHEMA}.django_migrations ORDER BY id"
                )
                cursor.execute(ledger.writing(schema, version))
    except IntegrityError as error:
        raise SlugTaken(idea=f"{slug[:36]}-{readable_code(3).lower()}") from error
    finally:
        connection.set_schema_to_public()
    return Shop.objects.get(pk=shop.pk)


# The trail holds settings, not people: of these it says only that they changed.
_OF_A_PERSON = frozenset(["phone", "email", "reply_to", "publisher", "legal_name", "street"])


@transaction.atomic
def change_settings(*, shop: Shop, by: Actor, values: Mapping[str, object]) -> Shop:
    """Keep what differs, with before and after in the trail. ``values`` were cleaned by a form."""
    row = Shop.objects.select_for_update().get(pk=shop.pk)
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    if not changed:
        return row
    told = [name for name in changed if name not in _OF_A_PERSON]
    before = {name: getattr(row, name) for name in told}
    for name in changed:
        setattr(row, name, values[name])
    row.save(update_fields=changed)
    after = {name: values[name] for name in told}
    hidden = [name for name in changed if name in _OF_A_PERSON]
    record(by, "shop.settings", "shop", row.pk, before=before, after={**after, "others": hidden})
    announce(ShopChanged(shop_id=row.pk))
    return row
