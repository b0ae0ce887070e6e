"""What Twilio says of an account before an SMS leaves by it, in the owner's words."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from apps.core.refusal import Refusal
from apps.messaging.providers.base import Account, DeliveryFailed, DeliveryUncertain
from apps.messaging.providers.twilio import UNREADABLE, client_of

PATIENCE = (3, 6)  # seconds to connect, to answer: the owner waits
NOT_OURS = frozenset({401, 403, 404})
Text = str | Promise


class Silent(Refusal):
    message = _("Twilio ne répond pas. Rien n’a changé : réessayez dans quelques minutes.")
    status = 503


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was asked. ``needed``: without it no SMS leaves."""

    name: Text
    sentence: Text
    good: bool
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    findings: tuple[Finding, ...]

    @property
    def account_is_good(self) -> bool:
        return self.findings[0].good

    @property
    def good(self) -> bool:
        return all(finding.good for finding in self.findings if finding.needed)


def inquire(account: Account, sender: str, replies_to: str) -> Report:
    """Two questions at most: is the account in order, may it write as ``sender``. Raises
    ``Silent``. ``replies_to``: where the sender's answers are to be posted."""
    client = client_of(account.sid, account.token, PATIENCE)
    try:
        found = [_account(client, account.sid)]
        if found[0].good:
            found += _sender(client, sender, replies_to)
    except (DeliveryFailed, DeliveryUncertain, TwilioException, *UNREADABLE) as error:
        raise Silent() from error
    finally:
        client.http_client.close()
    return Report(tuple(found))


def _fetched(fetch: Callable[[], Any]) -> Any:
    """What stands there; None when Twilio knows it not, or does not know us."""
    try:
        return fetch()
    except TwilioRestException as error:
        if error.status in NOT_OURS:
            return None
        raise


def _account(client: Client, sid: str) -> Finding:
    found = _fetched(client.api.accounts(sid).fetch)
    good = False
    if found is None:
        sentence: Text = _(
            "Twilio ne reconnaît pas ce compte avec ce jeton. Recopiez les deux depuis la page "
            "d’accueil de votre console Twilio : « Account SID » et « Auth Token » (le principal)."
        )
    elif found.status != "active":
        sentence = _("Twilio a suspendu ou fermé ce compte : réglez-le d’abord avec Twilio.")
    elif found.type == "Trial":
        sentence = _(
            "C’est un compte d’essai : il n’écrit qu’aux numéros que vous y avez vérifiés. "
            "Passez-le d’abord en compte payant chez Twilio."
        )
    else:
        good, sentence = True, _("Twilio reconnaît ce compte et ce jeton.")
    return Finding(_("Compte"), sentence, good)


def _sender(client: Client, sender: str, replies_to: str) -> list[Finding]:
    if sender.startswith("MG"):
        return _service(client, sender, replies_to)
    if sender.startswith("+"):
        return _number(client, sender, replies_to)
    named = _("Vos SMS sont signés %(name)s.") % {"name": sender}
    mute = _("Un nom ne reçoit pas de réponse : chaque SMS garde son lien pour dire stop.")
    return [
        Finding(_("Expéditeur"), named, good=True),
        Finding(_("Réponses"), mute, good=True, needed=False),
    ]


def _number(client: Client, number: str, replies_to: str) -> list[Finding]:
    owned = client.incoming_phone_numbers.list(phone_number=number, limit=1)
    found = owned[0] if owned else None
    can_write = found is not None and bool((found.capabilities or {}).get("sms"))
    if found is None:
        sentence: Text = _("Ce numéro n’est pas à ce compte. Choisissez-en un de sa liste.")
    elif not can_write:
        sentence = _("Ce numéro n’envoie pas de SMS : il faut un numéro qui en soit capable.")
    else:
        sentence = _("Ce numéro est à vous et envoie des SMS.")
    return [
        Finding(_("Expéditeur"), sentence, can_write),
        _replies(found.sms_url if found is not None else "", replies_to),
    ]


def _service(client: Client, sid: str, replies_to: str) -> list[Finding]:
    found = _fetched(client.messaging.v1.services(sid).fetch)
    good = found is not None
    sentence = (
        _("Ce service de messagerie est à vous.")
        if good
        else _("Ce service de messagerie n’est pas à ce compte.")
    )
    return [
        Finding(_("Expéditeur"), sentence, good),
        _replies(found.inbound_request_url if found is not None else "", replies_to),
    ]


def _replies(posted_to: str | None, wanted: str) -> Finding:
    good = posted_to == wanted
    sentence = (
        _("Les réponses arrivent dans vos messages.")
        if good
        else _(
            "Les réponses n’arrivent pas encore ici : collez dans Twilio l’adresse ci-dessous, "
            "à la ligne « A message comes in »."
        )
    )
    return Finding(_("Réponses"), sentence, good, needed=False)
