"""The archive that outlives a shop: what the law wants kept, readable without this software.

A model says ``kept_by_law = ("reason", years)`` and its whole table is in the archive, as CSV,
under its own ids: a consent ledger, invoices and payments. People's names and addresses are not,
but on the invoices, which the law wants whole: beside the ledger stands, for each record, a keyed
hash of its number and address, by which a person who complains is found and nobody else.
"""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any, BinaryIO

from django.conf import settings
from django.db import models

from apps.accounts.models import Membership
from apps.contacts.channels import every, names
from apps.contacts.consent import opposition_hash
from apps.contacts.models import Contact
from apps.core.container import Writer
from apps.core.tenancy import DatabaseWrapper
from apps.ops.keeping.contents import ALIAS, shop_models, tables
from apps.ops.keeping.manifest import FORMAT, key_mark
from apps.ops.keeping.writing import copy_out, quoted
from apps.shops.models import Shop

ARCHIVE = "comptoir-archive"
README = """\
ARCHIVE D’UNE BOUTIQUE EFFACÉE DE COMPTOIR

Boutique : {name} ({legal_name}, SIREN {siren}), adresse « {slug} », schéma {schema}.
Effacée le {day}. Ce fichier est tout ce qui en reste, parce que la loi veut le garder.

Comment le lire, même dans dix ans, sans aucun logiciel de Comptoir
  C’est un fichier ZIP ordinaire. Chaque .csv est en UTF-8, séparé par des virgules, la première
  ligne nomme les colonnes ; les dates portent leur décalage horaire ; une case vide est une
  absence. Les numéros (id) sont ceux d’origine, dans l’ordre d’écriture, et ne se suivent pas
  forcément : un numéro tiré par une écriture annulée n’est jamais réutilisé.

Ce qu’il contient, pourquoi, et jusqu’à quand
{contents}
  boutique.csv    la boutique elle-même
  equipe.csv      qui était derrière chaque numéro de l’équipe (actor_kind « team », actor_id)
  empreintes.csv  pour chaque fiche client (contact_id), l’empreinte de son téléphone (sms) et de
                  son e-mail (email) : HMAC-SHA256 du numéro E.164 ou de l’adresse en minuscules,
                  sous la clé « opposition:<canal>:<SECRET_KEY> » de la plateforme. Qui présente
                  son numéro ou son adresse retrouve ainsi ses lignes ; hors des factures, que la
                  loi veut entières, l’archive ne nomme aucun client. La clé n’y est pas (marque :
                  {key}) : gardez-la avec elle.

Comment prouver qu’il est intact
  manifest.json donne le SHA-256 de chaque fichier. Le commentaire du ZIP (ses 71 derniers
  octets) est « sha256: » suivi du SHA-256 de tout ce qui précède. Sous Linux :
      head -c -71 archive.zip | sha256sum ; tail -c 71 archive.zip

Passé la dernière échéance ci-dessus, ce fichier est à détruire.
"""


def kept_models() -> list[type[models.Model]]:
    """The tables of a shop that outlive it."""
    return [model for model in shop_models() if hasattr(model, "kept_by_law")]


def write_archive(connection: DatabaseWrapper, shop: Shop, out: BinaryIO, now: datetime) -> None:
    """Write the archive of ``shop``, in whose schema ``connection`` stands, to ``out``."""
    writer = Writer(out)
    try:
        here = tables(connection, shop.schema_name)
        kept = [model for model in kept_models() if model._meta.db_table in here]
        for model in kept:
            table = model._meta.db_table
            statement = (
                f'COPY (SELECT {quoted(here[table])} FROM "{shop.schema_name}"."{table}" '
                f'ORDER BY "{_pk(model)}") TO STDOUT WITH (FORMAT csv, HEADER)'
            )
            copy_out(connection, writer, _file(model), statement)
            reason, years = model.kept_by_law  # type: ignore[attr-defined]
            until = f"{now.year + years}-{now:%m}"
            writer.members[_file(model)] |= {"reason": reason, "until": until}
        writer.add("boutique.csv", _csv(["colonne", "valeur"], _of_shop(shop)))
        writer.add("equipe.csv", _csv(["id", "nom", "role"], _team(shop)))
        if Contact._meta.db_table in here:
            writer.add("empreintes.csv", _csv(["contact_id", *names()], _hashes()))
        writer.add("LISEZMOI.txt", [_readme(shop, kept, now).encode()])
        writer.close(
            {
                "what": ARCHIVE,
                "format": FORMAT,
                "version": settings.VERSION,
                "made_at": now.isoformat(),
                "slug": shop.slug,
                "schema": shop.schema_name,
                "key": key_mark(),
            }
        )
    except BaseException:
        writer.abandon()
        raise


def _file(model: type[models.Model]) -> str:
    return f"{model._meta.db_table}.csv"


def _pk(model: type[models.Model]) -> str:
    return str(model._meta.pk.column) if model._meta.pk else "id"


def _csv(head: list[str], rows: Iterator[list[Any]]) -> Iterator[bytes]:
    for row in chain([head], rows):
        line = io.StringIO()
        csv.writer(line).writerow(row)
        yield line.getvalue().encode()


def _of_shop(shop: Shop) -> Iterator[list[Any]]:
    for field in Shop._meta.concrete_fields:
        if field.name != "callback_token":
            yield [field.column, getattr(shop, field.attname)]


def _team(shop: Shop) -> Iterator[list[Any]]:
    members = Membership.objects.using(ALIAS).filter(shop=shop).select_related("user")
    for one in members.order_by("user_id"):
        yield [one.user_id, one.user.name, one.role]


def _hashes() -> Iterator[list[Any]]:
    addresses = {way.address for way in every()}
    people = Contact.objects.using(ALIAS).order_by("pk").values("pk", *addresses)
    for held in people.iterator(chunk_size=2000):
        ways = ((way.name, held[way.address]) for way in every())
        yield [held["pk"], *(opposition_hash(*way) if way[1] else "" for way in ways)]


def _readme(shop: Shop, kept: list[type[models.Model]], now: datetime) -> str:
    lines = []
    for model in kept:
        reason, years = model.kept_by_law  # type: ignore[attr-defined]
        lines.append(
            f"  {_file(model)}\n      {reason} ; {years} an(s), jusqu’en {now.year + years}"
        )
    return README.format(
        name=shop.name,
        legal_name=shop.legal_name or "raison sociale inconnue",
        siren=shop.siren or "inconnu",
        slug=shop.slug,
        schema=shop.schema_name,
        day=f"{now:%d/%m/%Y}",
        contents="\n".join(lines),
        key=key_mark(),
    )
