"""Writing mails from the shop's own address: only once its domain lets us.

Whoever receives a mail asks the DNS of its sender's domain three things: may this server write
(SPF, RFC 7208), is the signature true (DKIM, RFC 6376), and what becomes of the others (DMARC,
RFC 7489). An address of a domain that says no would take the shop's mails to the spam. So it is
used after a look, looked at again every day, and left for the platform's own when it fails.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.core.actor import SYSTEM, Actor
from apps.core.ratelimit import Limit, spend
from apps.core.refusal import Refusal
from apps.core.tokens import keyed_hash
from apps.core.trail import record
from apps.shops.domains import DnsSilent, NotADomain, read_domain
from apps.shops.models import Shop
from apps.shops.providers import brevo
from apps.shops.providers.dns import Silent, look_up

QUESTIONS = Limit("mail_dns", 20, 600)
MOST_LOOKUPS = 10  # of one SPF record, RFC 7208 § 4.6.4
Text = str | Promise

# Mailboxes of everybody: nobody can add a record to their DNS.
SHARED = frozenset(
    {
        *("gmail.com", "googlemail.com", "orange.fr", "wanadoo.fr", "free.fr", "sfr.fr"),
        *("laposte.net", "outlook.com", "outlook.fr", "hotmail.com", "hotmail.fr", "live.fr"),
        *("msn.com", "yahoo.com", "yahoo.fr", "icloud.com", "me.com", "bbox.fr", "neuf.fr"),
        *("numericable.fr", "aol.com", "protonmail.com", "proton.me", "gmx.fr", "gmx.com"),
    }
)


class NotYours(Refusal):
    message = _(
        "%(domain)s est une messagerie ouverte à tous : seul un domaine à vous peut autoriser "
        "l’envoi. Mettez cette adresse comme adresse de réponse, cela suffit."
    )
    status = 422


class CarrierSilent(DnsSilent):
    message = _("Brevo, qui porte nos e-mails, ne répond pas. Réessayez dans quelques minutes.")


@dataclass(frozen=True, slots=True)
class Finding:
    """One record: what it is for, what stands in the DNS, what it should be."""

    name: str
    purpose: Text
    host: str
    wanted: str
    found: str
    good: bool
    sentence: Text
    kind: str = "TXT"


@dataclass(frozen=True, slots=True)
class Report:
    domain: str
    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        return all(finding.good for finding in self.findings)


def domain_of(address: str) -> str:
    """The address's domain as DNS knows it. Raises ``NotADomain``, ``NotYours``."""
    name = read_domain(address.rpartition("@")[2])
    if name in SHARED:
        raise NotYours(domain=name)
    return name


def word_of(shop: Shop, domain: str) -> str:
    """What proves that the domain is this shop's and not of somebody with the same provider."""
    return f"comptoir-mail={keyed_hash('mail domain', f'{shop.schema_name}:{domain}')[:24]}"


def examine(shop: Shop, domain: str) -> Report:
    """Ask the DNS and who carries the mails; a handful of questions. Raises ``DnsSilent``."""
    try:
        found = [_proof(shop, domain), _spf(domain), *_dkim(domain), _dmarc(domain)]
        if settings.EMAIL_PROVIDER == "brevo":
            found.append(_brevo(domain, ready=all(one.good for one in found)))
    except Silent as error:
        raise DnsSilent() from error
    except brevo.Silent as error:
        raise CarrierSilent() from error
    return Report(domain, tuple(found))


def _proof(shop: Shop, domain: str) -> Finding:
    host, word = f"_comptoir.{domain}", word_of(shop, domain)
    found = [text for text in look_up(host, "TXT") if text.startswith("comptoir-mail=")]
    good = word in found
    sentence = (
        _("Ce domaine est bien à vous.")
        if good
        else _("Ajoutez cet enregistrement TXT : il prouve que le domaine est à vous.")
    )
    purpose = _("Prouve que le domaine est le vôtre")
    return Finding(_proof_name(), purpose, host, word, " ".join(found), good, sentence)


def _proof_name() -> str:
    return str(_("Preuve"))


def _spf(domain: str) -> Finding:
    wanted = f"v=spf1 include:{settings.MAIL_SPF} ~all"
    found = _spf_records(domain)
    good = False
    if not found:
        sentence: Text = _("Aucun enregistrement SPF : ajoutez celui-ci.")
    elif len(found) > 1:
        sentence = _("Il y en a %(count)s : un seul est permis. Réunissez-les en un.") % {
            "count": len(found)
        }
    elif "+all" in found[0].split() or "all" in found[0].split():
        sentence = _("Il permet à tout le monde d’écrire en votre nom : remplacez « +all ».")
    elif _includes(found[0], settings.MAIL_SPF, set()):
        good, sentence = True, _("Nos serveurs ont le droit d’écrire pour votre domaine.")
    else:
        wanted = _with_include(found[0])
        sentence = _("Il ne nous nomme pas : ajoutez-y « include:%(host)s ».") % {
            "host": settings.MAIL_SPF
        }
    purpose = _("Dit quels serveurs peuvent écrire en votre nom")
    return Finding("SPF", purpose, domain, wanted, " | ".join(found), good, sentence)


def _spf_records(domain: str) -> list[str]:
    return [t for t in look_up(domain, "TXT") if t.lower().split(" ")[0] == "v=spf1"]


def _includes(record: str, host: str, seen: set[str]) -> bool:
    """Whether ``record``, or one it includes, names ``host``."""
    for part in record.lower().split()[1:]:
        name = re.sub(r"^(?:\+?include:|redirect=)", "", part)
        if name == part or name in seen:
            continue
        if name == host:
            return True
        seen.add(name)
        if len(seen) > MOST_LOOKUPS:
            return False
        if any(_includes(inner, host, seen) for inner in _spf_records(name)):
            return True
    return False


def _with_include(record: str) -> str:
    """The shop's own record with us in it, before what ends it."""
    head, *rest = record.split()
    return " ".join([head, f"include:{settings.MAIL_SPF}", *rest])


def _dkim(domain: str) -> list[Finding]:
    """Each key in turn: who carries the mails signs by either, and changes them in turn."""
    return [
        _key(domain, f"DKIM {number}", *pair) for number, pair in enumerate(settings.MAIL_DKIM, 1)
    ]


def _key(domain: str, name: str, selector: str, target: str) -> Finding:
    host = f"{selector}._domainkey.{domain}"
    found = [t for t in look_up(host, "TXT") if "p=" in t.replace(" ", "")]
    keys = [re.sub(r".*\bp=([^;]*).*", r"\1", text.replace(" ", "")) for text in found]
    good = any(keys)
    if good:
        sentence = _("La signature de vos e-mails peut être vérifiée.")
    elif found:
        sentence = _("La clé est vide : elle a été révoquée. Demandez-en une nouvelle.")
    else:
        sentence = _("Aucune clé : ajoutez cet enregistrement CNAME.")
    wanted = target.replace("{domain}", domain.replace(".", "-"))
    purpose = _("Signe chaque e-mail, pour qu’on sache qu’il n’a pas été changé")
    shown = " ".join(found)[:120]
    return Finding(name, purpose, host, wanted, shown, good, sentence, "CNAME")


def _brevo(domain: str, *, ready: bool) -> Finding:
    """``ready``: the rest is in order, so that Brevo may look at it too."""
    known = brevo.make_known(domain)
    found = [text for text in look_up(domain, "TXT") if text.startswith("brevo-code:")]
    seen = known.code in found
    good = seen and ready and (known.authenticated or brevo.authenticate(domain))
    if good:
        sentence = _("Brevo, qui porte nos e-mails, signe pour votre domaine.")
    elif not seen:
        sentence = _("Ajoutez cet enregistrement TXT : Brevo, qui porte nos e-mails, le demande.")
    elif ready:
        sentence = _("Brevo n’a pas encore tout vu : vérifiez de nouveau dans quelques minutes.")
    else:
        sentence = _("Brevo signera dès que le reste sera en ordre.")
    purpose = _("Permet à Brevo de signer vos e-mails")
    return Finding("Brevo", purpose, domain, known.code, " ".join(found), good, sentence)


def _dmarc(domain: str) -> Finding:
    host, found = f"_dmarc.{domain}", []
    parts = domain.split(".")
    # A subdomain follows its parent's policy (RFC 7489 § 6.6.3).
    for start in range(len(parts) - 1):
        above = f"_dmarc.{'.'.join(parts[start:])}"
        found = [t for t in look_up(above, "TXT") if t.lower().startswith("v=dmarc1")]
        if found:
            break
    policies = {
        "none": _("Il observe sans rien refuser : c’est assez pour commencer."),
        "quarantine": _("Ce qui n’est pas signé va dans les indésirables."),
        "reject": _("Ce qui n’est pas signé est refusé : la meilleure protection."),
    }
    said = re.search(r";\s*p=(\w+)", found[0].lower()) if len(found) == 1 else None
    good = bool(said and said[1] in policies)
    if said and good:
        sentence: Text = policies[said[1]]
    elif found:
        sentence = _("Il ne peut pas être lu : remplacez-le par celui-ci.")
    else:
        sentence = _("Aucune règle : Gmail et Yahoo en exigent une. Ajoutez celle-ci.")
    purpose = _("Dit que faire des e-mails écrits par d’autres en votre nom")
    return Finding("DMARC", purpose, host, "v=DMARC1; p=none", " | ".join(found), good, sentence)


def adopt(*, shop: Shop, address: str, by: Actor, now: datetime | None = None) -> Report:
    """Keep the address, and use it if the DNS agrees now. Raises ``NotADomain``, ``NotYours``,
    ``DnsSilent``, ``TooMany``.

    The questions are asked before the transaction: no lock waits for the DNS.
    """
    report = look(shop, address)
    _keep(shop.pk, address, (now or timezone.now()) if report.good else None, by)
    return report


def look(shop: Shop, address: str) -> Report:
    """What the DNS says of the address's domain now; asked sparingly."""
    domain = domain_of(address)
    spend(QUESTIONS)
    return examine(shop, domain)


def release(*, shop: Shop, by: Actor) -> None:
    """Back to the platform's own address."""
    _keep(shop.pk, "", None, by)


@transaction.atomic
def _keep(shop_id: int, address: str, proven_at: datetime | None, by: Actor) -> None:
    row = Shop.objects.select_for_update().get(pk=shop_id)
    before = {"in_use": row.mail_proven_at is not None}
    changed = row.mail_from != address or before["in_use"] != (proven_at is not None)
    row.mail_from, row.mail_proven_at = address, proven_at
    row.save(update_fields=["mail_from", "mail_proven_at"])
    if changed:
        after = {"in_use": proven_at is not None}
        record(by, "shop.mail_from", "shop", row.pk, before=before, after=after)


def look_again(shop: Shop, now: datetime) -> bool:
    """The daily look; False when the address is in use no more. A silent DNS proves nothing."""
    try:
        report = examine(shop, domain_of(shop.mail_from))
    except DnsSilent:
        return True
    except (NotADomain, NotYours):
        _keep(shop.pk, shop.mail_from, None, SYSTEM)
        return False
    _keep(shop.pk, shop.mail_from, now if report.good else None, SYSTEM)
    return report.good
