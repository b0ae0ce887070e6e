"""Legal texts: settled, published word for word, accepted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.invoicing.seal import digest
from apps.invoicing.services import the_terms
from apps.legal.models import Acceptance, Kind, SaleTerms, Version
from apps.legal.queries import in_force
from apps.legal.wording import missing_facts, write
from apps.shops.models import Shop
from apps.shops.services import shop_here

AGREED = "contract"  # the cause of an acceptance for the shop itself


class FactMissing(Refusal):
    message = _("Il manque %(fact)s : à remplir dans vos réglages avant de publier.")
    status = 422


class TextMoved(Refusal):
    message = _("Le texte a changé depuis que vous l’avez lu : relisez-le, puis recommencez.")


class NotInForce(Refusal):
    message = _("Nos conditions viennent de changer : relisez-les avant de les accepter.")


def _held() -> SaleTerms:
    """The settings' row; its lock makes versions follow one another."""
    SaleTerms.objects.get_or_create(only=True)
    return SaleTerms.objects.select_for_update().get()


@transaction.atomic
def change_sale_terms(values: Mapping[str, Any], *, by: Actor) -> SaleTerms:
    """Keep what the form cleaned. What was published stays as it is."""
    own = _held()
    changed = [name for name, value in values.items() if getattr(own, name) != value]
    for name in changed:
        setattr(own, name, values[name])
    if changed:
        own.save(update_fields=changed)
        record(by, "legal.settings", "shop", shop_here().pk, after={"changed": changed})
    return own


@transaction.atomic
def publish(kind: Kind, *, read: str, by: Actor, now: datetime) -> Version:
    """The text of today is in force from now on. ``read`` is the hash of what was read before;
    what is in force already is left as it is. Raises ``FactMissing``, ``TextMoved``."""
    own, terms = _held(), the_terms()
    shop = Shop.objects.get(pk=shop_here().pk)  # as it is now that the lock is ours
    if missing := missing_facts(kind, shop, terms, own):
        raise FactMissing(fact=missing[0].fact)
    body, last = write(kind, shop, terms, own), in_force(kind)
    if digest(body) != read:
        raise TextMoved()
    if last and last.hash == read:
        return last
    number = last.number + 1 if last else 1
    said = {"body": body, "hash": read, "at": now, "actor_id": by.id}
    version = Version.objects.create(kind=kind, number=number, **said)
    texts = " ".join(sorted({*shop.texts.split(), kind.value}))
    Shop.objects.filter(pk=shop.pk).update(texts=texts)
    record(by, "legal.publish", "text", version.pk, after={"kind": kind.value, "number": number})
    return version


@transaction.atomic
def agree(*, read: str, by: Actor, now: datetime) -> Acceptance:
    """Accept the data contract for the shop, in the very words that were read: they are kept with
    who accepted. Raises what ``publish`` does."""
    version = publish(Kind.DATA, read=read, by=by, now=now)
    told = {"version": version, "actor_id": by.id, "cause": AGREED}
    accepted, is_new = Acceptance.objects.get_or_create(contact=None, **told, defaults={"at": now})
    if is_new:
        record(by, "legal.agree", "text", version.pk, after={"number": version.number})
    return accepted


@transaction.atomic
def accept(
    kind: Kind | str, *, number: int, contact: Contact, cause: str, now: datetime
) -> Acceptance:
    """A customer accepts the version that was shown to them (``number``), for something (``cause``,
    ids alone: « club:12 »); asked again, it is the same. Raises ``NotInForce`` where another one
    has been published since."""
    version = Version.objects.filter(kind=kind, number=number).first()
    if version is None:
        raise NotInForce()
    told = {"version": version, "contact": contact, "cause": cause}
    if found := Acceptance.objects.filter(**told, actor_id=None).first():
        return found
    if in_force(kind) != version:
        raise NotInForce()
    return Acceptance.objects.get_or_create(**told, actor_id=None, defaults={"at": now})[0]
