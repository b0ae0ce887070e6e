"""A shop erased: closed, archived, dropped, its files removed. Killed anywhere, it goes on.

How far it came stands in its ``Erasure``, committed before the next step begins. Every step may
run twice. Nothing is dropped before the archive was read back from where it lies.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import OperationalError, transaction
from django.db.models import ProtectedError
from django_q.models import OrmQ

from apps.accounts.models import Membership, Session, User
from apps.audit.models import Entry
from apps.audit.tasks import write as write_trail
from apps.core import jobs
from apps.core.container import BLOCK, Reader
from apps.core.tenancy import DatabaseWrapper
from apps.ops.keeping.archiving import write_archive
from apps.ops.keeping.contents import (
    ALIAS,
    forget_jobs,
    job_keys,
    opened,
    public_rows,
    remove_media,
    tables,
)
from apps.ops.keeping.refusals import AlreadyErasing, ArchiveUnproven, NoSuchShop, StillBusy
from apps.ops.keeping.writing import SNAPSHOT, new_file
from apps.ops.models import Erasure
from apps.payments.selling import forget_account
from apps.payments.subscribing import leave
from apps.shops.models import SchemaState, Shop
from apps.shops.privileges import app_role

IN_STORAGE = "archives"
TRAIL = f"{write_trail.__module__}.{write_trail.__qualname__}"


def erase(slug: str, *, by: str, now: datetime, folder: Path | None = None) -> Erasure:
    """Erase the shop, or finish what a killed run began; ``folder``: where the archive goes
    instead of the media storage.

    Raises ``NoSuchShop``, ``AlreadyErasing``, ``StillBusy``, ``AlreadyThere``,
    ``ArchiveUnproven`` or ``StripeSilent``; run again, it goes on from there.
    """
    with opened() as connection:
        _alone(connection, slug)
        erasure = _begin(slug, by, now)
        if not erasure.closed_at:
            _close(connection, erasure, now)
        if not erasure.archive_sha256:
            _archive(connection, erasure, now, folder)
        if not erasure.dropped_at:
            leave(erasure.schema)
            forget_account(erasure.schema)
            _drop(connection, erasure, now)
        erasure.files = remove_media(erasure.schema)
        erasure.ended_at = now
        erasure.save(using=ALIAS, update_fields=["files", "ended_at"])
    return erasure


def _alone(connection: DatabaseWrapper, slug: str) -> None:
    """Until this connection ends, also by a kill, nobody else erases this shop."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [f"erase:{slug}"])
        (alone,) = cursor.fetchone()
    if not alone:
        raise AlreadyErasing(slug=slug)


@transaction.atomic(using=ALIAS)
def _begin(slug: str, by: str, now: datetime) -> Erasure:
    """From here its hosts answer nobody."""
    begun = Erasure.objects.using(ALIAS).filter(slug=slug, ended_at=None).first()
    if begun is not None:
        return begun
    shop = Shop.objects.using(ALIAS).select_for_update().filter(slug=slug).first()
    if shop is None:
        raise NoSuchShop(slug=slug)
    Shop.objects.using(ALIAS).filter(pk=shop.pk, closed_at=None).update(closed_at=now)
    return Erasure.objects.using(ALIAS).create(
        slug=slug, schema=shop.schema_name, by=by[:40], began_at=now
    )


def _close(connection: DatabaseWrapper, erasure: Erasure, now: datetime) -> None:
    """What was announced is written into the trail; then the application may write no more.

    The locks wait for whoever writes at this moment: what follows sees all there will ever be.
    """
    for job in OrmQ.objects.filter(key__in=job_keys(erasure.schema)).order_by("pk"):
        arguments = job.task.get("args", ())
        if len(arguments) > 1 and arguments[1] == TRAIL:
            jobs.run(*arguments)
            job.delete()
    space, role = f'"{erasure.schema}"', connection.ops.quote_name(app_role())
    try:
        with transaction.atomic(using=ALIAS), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '30s'")
            if found := tables(connection, erasure.schema):
                every = ", ".join(f'{space}."{table}"' for table in found)
                cursor.execute(f"LOCK TABLE {every} IN SHARE ROW EXCLUSIVE MODE")
                cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA {space} FROM {role}")
                cursor.execute(f"REVOKE ALL ON SCHEMA {space} FROM {role}")
                with _standing(connection, erasure.schema):
                    Entry.objects.using(ALIAS).create(
                        at=now, actor_kind="system", verb="shop.erase", object_kind="shop"
                    )
            erasure.closed_at = now
            erasure.save(using=ALIAS, update_fields=["closed_at"])
    except OperationalError as error:  # the lock's patience ended
        raise StillBusy() from error


@contextmanager
def _standing(connection: DatabaseWrapper, schema: str) -> Iterator[None]:
    connection.set_schema(schema)
    try:
        yield
    finally:
        connection.set_schema_to_public()


def _archive(
    connection: DatabaseWrapper, erasure: Erasure, now: datetime, folder: Path | None
) -> None:
    """Written, read back, and only then noted. Half an archive of a killed run is replaced."""
    shop = Shop.objects.using(ALIAS).get(schema_name=erasure.schema)
    name = f"{erasure.schema}-{erasure.began_at:%Y%m%d-%H%M%S}.zip"
    with TemporaryFile() as made:
        with transaction.atomic(using=ALIAS):
            with connection.cursor() as cursor:
                cursor.execute(SNAPSHOT)
            with _standing(connection, erasure.schema):
                write_archive(connection, shop, cast(BinaryIO, made), now)
        made.seek(0)
        written = hashlib.file_digest(made, "sha256").hexdigest()
        made.seek(0)
        if folder is None:
            place = f"{IN_STORAGE}/{name}"
            default_storage.delete(place)
            default_storage.save(place, File(made))
        else:
            path = folder / name
            path.unlink(missing_ok=True)
            with new_file(path) as file:
                while block := made.read(BLOCK):
                    file.write(block)
            place = str(path.resolve())
    if digest_of(place) != written:
        raise ArchiveUnproven(place=place)
    erasure.archive, erasure.archive_sha256 = place, written
    erasure.save(using=ALIAS, update_fields=["archive", "archive_sha256"])


@contextmanager
def open_archive(place: str) -> Iterator[BinaryIO]:
    """The archive where an ``Erasure`` says it lies: a path, or a name in the media storage."""
    if Path(place).is_absolute():
        with Path(place).open("rb") as file:
            yield file
        return
    with default_storage.open(place) as stored:
        yield cast(BinaryIO, stored)


def digest_of(place: str) -> str:
    """The SHA-256 of an archive that was read whole, every member too. Raises ``Damaged``."""
    with open_archive(place) as file:
        Reader(file).verify()
        file.seek(0)
        digest = hashlib.sha256()
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _drop(connection: DatabaseWrapper, erasure: Erasure, now: datetime) -> None:
    """Its schema and every row that names it, in one transaction."""
    with transaction.atomic(using=ALIAS), connection.cursor() as cursor:
        shop = Shop.objects.using(ALIAS).select_for_update().get(schema_name=erasure.schema)
        members = Membership.objects.using(ALIAS).filter(shop=shop)
        team = list(members.values_list("user_id", flat=True))
        cursor.execute(f'DROP SCHEMA IF EXISTS "{erasure.schema}" CASCADE')
        for kind in public_rows():
            if kind.model is not Erasure:
                cursor.execute(
                    f'DELETE FROM {kind.table} WHERE "{kind.column}" = %s', [kind.of(shop)]
                )
        forget_jobs(erasure.schema)
        SchemaState.objects.using(ALIAS).filter(pk=erasure.schema).delete()
        cursor.execute("DELETE FROM public.shops_shop WHERE id = %s", [shop.pk])
        erasure.people = sum(_let_go(user) for user in team)
        erasure.dropped_at = now
        erasure.save(using=ALIAS, update_fields=["people", "dropped_at"])


def _let_go(user_id: int) -> bool:
    """Who has no other shop and is not of the platform is forgotten too; True when so.

    Of somebody whom the platform's own register of acts names, an empty shell stays.
    """
    user = User.objects.using(ALIAS).select_for_update().get(pk=user_id)
    if user.is_staff or user.is_superuser or user.memberships.using(ALIAS).exists():
        return False
    Session.objects.using(ALIAS).filter(user_id=user_id).delete()
    try:
        with transaction.atomic(using=ALIAS):
            user.delete(using=ALIAS)
    except ProtectedError:
        EmailAddress.objects.using(ALIAS).filter(user=user).delete()
        Authenticator.objects.using(ALIAS).filter(user=user).delete()
        SocialAccount.objects.using(ALIAS).filter(user=user).delete()
        user.email, user.name, user.is_active = f"efface-{user_id}@compte.invalid", "", False
        user.set_unusable_password()
        user.save(using=ALIAS)
    return True
