"""The shop's rows in the shared tables, made again under what it is called here."""

import json
from collections.abc import Callable
from typing import Any

from django.core.files.storage import default_storage
from django.utils import timezone

from apps.accounts.models import Device, Invitation
from apps.core.container import Reader
from apps.core.sealing import Sealed, Unopenable
from apps.core.tenancy import DatabaseWrapper
from apps.core.tokens import new_token
from apps.ops.keeping.contents import ALIAS, public_rows, user_columns
from apps.ops.keeping.people import issued, next_id
from apps.ops.keeping.target import Target
from apps.shops.models import Domain, DomainClaim, Secret, SharedLine, Shop
from apps.shops.vault import carried

Row = dict[str, Any]
Say = Callable[[str], object]


def bring(
    connection: DatabaseWrapper, reader: Reader, target: Target, users: dict[int, int], say: Say
) -> Shop:
    """Insert the shop and its rows; ``users``: the backup's ids of people → those here.

    An id of the backup is kept where it is free and was given by this very database.
    """
    (row,) = reader.lines("public/shops_shop.jsonl")
    row |= {"slug": target.slug, "schema_name": target.schema}
    if row["logo"]:
        row["logo"] = target.schema + row["logo"].removeprefix(target.was)
        if not default_storage.exists(row["logo"]):
            say("Le logo n’est pas dans la sauvegarde : il faudra le redonner.")
            row["logo"] = ""
    if row["closed_at"]:
        say("Cette boutique était fermée quand la sauvegarde a été faite : elle le reste.")
    if target.is_copy:
        row["callback_token"] = new_token()
        row["mail_proven_at"] = None  # the proof names the original
        row |= {"sms_account": "", "sms_account_sender": "", "sms_account_since": None}
    _insert(connection, "public.shops_shop", row)
    shop = Shop.objects.using(ALIAS).get(schema_name=target.schema)
    for kind in public_rows():
        if kind.is_left_out:
            continue
        for row in reader.lines(kind.name):
            row[kind.column] = kind.of(shop)
            for column in user_columns(kind.model):
                row[column] = users.get(row[column])
            if kept := _ADAPT.get(kind.model, _as_it_is)(row, shop, target, say):
                _insert(connection, kind.table, kept)
    return shop


def _insert(connection: DatabaseWrapper, table: str, row: Row) -> None:
    if "id" in row and not _may_keep(connection, table, row["id"]):
        row = {**row, "id": next_id(connection, table)}
    columns = ", ".join(f'"{column}"' for column in row)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) "
            f"SELECT {columns} FROM jsonb_populate_record(NULL::{table}, %s)",
            [json.dumps(row)],
        )


def _may_keep(connection: DatabaseWrapper, table: str, pk: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT NOT EXISTS (SELECT 1 FROM {table} WHERE id = %s)", [pk])
        (free,) = cursor.fetchone()
    return bool(free) and pk <= issued(connection, table)


def _as_it_is(row: Row, shop: Shop, target: Target, say: Say) -> Row | None:
    return row


def _domain(row: Row, shop: Shop, target: Target, say: Say) -> Row | None:
    """The platform's own host is the shop's name; a merchant's own passes by DNS alone."""
    if row["is_primary"]:
        return {**row, "domain": shop.host}
    if target.is_copy:
        return None
    if Domain.objects.using(ALIAS).filter(domain__iexact=row["domain"]).exists():
        say(f"« {row['domain']} » ouvre une autre boutique depuis : à prouver de nouveau.")
        return None
    return row


def _not_in_a_copy(row: Row, shop: Shop, target: Target, say: Say) -> Row | None:
    return None if target.is_copy else row


def _invitation(row: Row, shop: Shop, target: Target, say: Say) -> Row | None:
    """The link in somebody's mailbox opens the original: in a copy it is withdrawn."""
    if target.is_copy:
        row = {**row, "token": new_token()}
        if not row["accepted_at"] and not row["revoked_at"]:
            row["revoked_at"] = timezone.now().isoformat()
    return row


def _device(row: Row, shop: Shop, target: Target, say: Say) -> Row | None:
    """A phone beside the original's till opens no copy; its number stays that of what it did."""
    if target.is_copy:
        gone = row["revoked_at"] or timezone.now().isoformat()
        row = {**row, "key_hash": "", "code": "", "revoked_at": gone}
    return row


def _secret(row: Row, shop: Shop, target: Target, say: Say) -> Row | None:
    """It opens for the very shop it was given to, where the same keys are; else it is asked for
    again, and until then what needs it rests."""
    sealed = Sealed(row["sealed_by"], bytes.fromhex(row["sealed"].removeprefix("\\x")))
    try:
        if not target.is_copy:
            kept = carried(sealed, row["name"], was=target.was, here=target.schema)
            return {**row, "sealed": f"\\x{kept.data.hex()}", "sealed_by": kept.by}
    except Unopenable:
        pass
    say(f"Le coffre ne s’ouvre pas ici : « {row['name']} » est à ressaisir par la boutique.")
    return None


_ADAPT: dict[type, Callable[[Row, Shop, Target, Say], Row | None]] = {
    Device: _device,
    Domain: _domain,
    DomainClaim: _not_in_a_copy,
    Invitation: _invitation,
    Secret: _secret,
    SharedLine: _not_in_a_copy,  # whoever answers means the original
}
