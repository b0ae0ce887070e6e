"""A reward, or what a card has gathered, will soon be over."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta

from django import forms
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.campaigns.triggers.kind import Kind, Met, Settings, whole
from apps.loyalty.models import Card, Programme, Reward
from apps.loyalty.rule import months_later
from apps.loyalty.services import the_programme

REWARD, BALANCE = "reward:", "balance:"


class RewardExpiringForm(forms.Form):
    days_before = whole(_("Jours avant la fin"), 10, 1, 60)


class RewardExpiring(Kind):
    key = "reward_expiring"
    title = str(_("Récompense bientôt perdue"))
    about = str(_("Avant qu’une récompense ou le solde d’une carte n’expire, dites-le."))
    lasts = timedelta(days=5)
    form = RewardExpiringForm
    written = {
        "sms_text": "{prénom|Bonjour}, ce que vous avez gagné chez {boutique} expire bientôt. "
        "Passez en profiter : {lien}",
        "email_subject": "Ce que vous avez gagné expire bientôt",
        "email_text": "Bonjour {prénom},\n\nCe que votre carte de {boutique} a gagné expire "
        "bientôt : passez en profiter.\n\n{lien}\n\nÀ bientôt,\n{boutique}",
    }

    def met(
        self, settings: Settings, since: datetime, until: datetime, contact_id: int | None = None
    ) -> Iterable[Met]:
        ahead = timedelta(days=settings["days_before"])
        theirs = Q(card__contact=contact_id) if contact_id else Q()
        ready = Reward.objects.ready().filter(theirs, card__contact__merged_into=None)
        ending = ready.filter(expires_at__gte=since + ahead, expires_at__lte=until + ahead)
        for pk, person, at in ending.order_by("pk").values_list(
            "pk", "card__contact_id", "expires_at"
        ):
            assert at is not None
            yield Met(person, f"{REWARD}{pk}", at - ahead)
        programme = the_programme()
        if programme.balance_months is not None:
            yield from _balances(programme, ahead, since, until, contact_id)

    def said(self, settings: Settings) -> str:
        n = settings["days_before"]
        return ngettext("%d jour avant la fin", "%d jours avant la fin", n) % n


def _balances(
    programme: Programme,
    ahead: timedelta,
    since: datetime,
    until: datetime,
    contact_id: int | None,
) -> Iterable[Met]:
    """Cards whose balance is over so long after its last visit; the look-up by that visit is a
    little wide (months are of different lengths), the day itself decides."""
    months = programme.balance_months or 0
    first = months_later(timezone.localdate(since + ahead), -months) - timedelta(days=5)
    last = months_later(timezone.localdate(until + ahead), -months) + timedelta(days=1)
    cards = Card.objects.filter(
        balance__gt=0,
        contact__merged_into=None,
        last_stamp_at__date__gte=first,
        last_stamp_at__date__lte=last,
    )
    if contact_id:
        cards = cards.filter(contact=contact_id)
    for person, seen in cards.order_by("pk").values_list("contact_id", "last_stamp_at"):
        day = programme.balance_expires(seen) if seen else None
        assert day is not None
        at = timezone.make_aware(datetime.combine(day, time())) - ahead
        if since <= at <= until:
            yield Met(person, f"{BALANCE}{day}", at)
