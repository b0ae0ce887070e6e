"""A test of a message, to the owner's own mailbox and a phone they type: no customer is touched."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts import mail as platform_mail
from apps.accounts.models import User
from apps.campaigns import rendering
from apps.campaigns.estimate import imagined, reader_without_links
from apps.campaigns.models import Drop, Trial, Trigger
from apps.core.jobs import enqueue
from apps.core.phone import Phone
from apps.core.ratelimit import Limit, spend
from apps.core.refusal import Refusal
from apps.messaging.budget import put_down
from apps.messaging.channels import sending
from apps.messaging.channels.base import Sending
from apps.messaging.trying import try_out
from apps.shops.models import Shop
from apps.shops.services import shop_here

TRY_OUT = "apps.campaigns.tasks.try_out"
TRIALS_PER_PERSON = Limit("drop-trial:person", 10, 3600)
TRIALS_PER_SHOP = Limit("drop-trial:shop", 40, 24 * 3600)


class NothingToTry(Refusal):
    message = _("Écrivez d’abord le texte : il n’y a rien à essayer.")
    status = 422


class LandlineTrial(Refusal):
    message = _("Un essai part vers un mobile. Exemple : 06 12 34 56 78.")
    status = 422


class NotFromHere(Refusal):
    message = _("Une notification ne s’essaie pas d’ici : demandez-la sur votre propre carte.")
    status = 422


@transaction.atomic
def send(
    words: Drop | Trigger, shop: Shop, user: User, phone: Phone | None, now: datetime | None = None
) -> list[str]:
    """Send what is written to ``user``'s mailbox and to ``phone``; returns the channels used.

    For an imagined reader: the links open nothing. Raises ``TooMany`` past ten an hour and
    person, forty a day and shop.
    """
    now = now or timezone.now()
    if phone and not phone.mobile:
        raise LandlineTrial()
    ways = _to_try(words, shop, phone)
    spend(TRIALS_PER_PERSON, user.pk, now=now)
    spend(TRIALS_PER_SHOP, now=now)
    whose = {"drop": words} if isinstance(words, Drop) else {"trigger": words}
    nobody = reader_without_links()
    for way in ways:
        reader = imagined(shop, way.name)
        if phone and way.address == "phone":
            body = rendering.text(words, way.name, reader, nobody, shop)
            said = {"channel": way.name, "to": phone.e164, "body": body, "at": now}
            enqueue(TRY_OUT, Trial.objects.create(**whose, **said).pk)
        else:
            mail = rendering.mail(words, reader, nobody, shop)
            platform_mail.post(
                to=user.email, subject=f"[Essai] {mail.subject}", text=mail.text, html=mail.html
            )
    return [way.name for way in ways]


def _to_try(words: Drop | Trigger, shop: Shop, phone: Phone | None) -> list[Sending]:
    written = [sending(c) for c in words.channels if words.written(c).strip()]
    ways = [way for way in written if way.offered(shop)]
    if ways and not any(way.typed for way in ways):
        raise NotFromHere()
    ways = [way for way in ways if way.typed and (phone or way.address == "email")]
    if not ways:
        raise NothingToTry()
    return ways


def deliver(trial_id: int, now: datetime | None = None) -> None:
    """Claim, commit, send; then forget the number and the text. Never sent a second time."""
    now = now or timezone.now()
    if not Trial.objects.filter(pk=trial_id, claimed_at=None).update(claimed_at=now):
        return
    trial, shop = Trial.objects.get(pk=trial_id), shop_here()
    outcome = try_out(shop, trial.channel, trial.to, trial.body, trial.token, now=now)
    if outcome == "sent":
        pieces = sending(trial.channel).pieces(trial.body, commercial=False)
        put_down(trial.channel, "trial", max(1, pieces), shop, now)  # a template is billed too
    Trial.objects.filter(pk=trial_id).update(outcome=outcome[:40], to="", body="")
