"""A birthday, known to the shop."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.campaigns.triggers.kind import Kind, Met, Settings, whole
from apps.contacts.birthdays import born_on
from apps.contacts.models import Contact


class BirthdayForm(forms.Form):
    days_before = whole(_("Jours avant l’anniversaire (0 : le jour même)"), 0, 0, 30)


class Birthday(Kind):
    key = "birthday"
    title = str(_("Anniversaire"))
    about = str(_("Une attention le jour de l’anniversaire, ou quelques jours avant."))
    lasts = timedelta(days=3)
    form = BirthdayForm
    written = {
        "sms_text": "{prénom|Bonjour}, toute l'équipe de {boutique} vous souhaite un bel "
        "anniversaire. Passez nous voir : [votre attention] vous attend.",
        "email_subject": "Bel anniversaire de la part de {boutique}",
        "email_text": "Bonjour {prénom},\n\nToute l’équipe vous souhaite un bel anniversaire. "
        "Passez nous voir : [votre attention] vous attend.\n\nÀ bientôt,\n{boutique}",
    }

    def met(
        self, settings: Settings, since: datetime, until: datetime, contact_id: int | None = None
    ) -> Iterable[Met]:
        ahead = timedelta(days=settings["days_before"])
        people = Contact.objects.living()
        if contact_id:
            people = people.filter(pk=contact_id)
        for day in _days(since, until):
            if not (born := born_on(day + ahead)):
                continue
            at, year = _morning(day), str((day + ahead).year)
            # Who joined later that year was nobody's customer on the day.
            theirs = people.filter(born, created_at__lt=at + timedelta(days=1)).order_by("pk")
            for pk in theirs.values_list("pk", flat=True):
                yield Met(pk, year, at)

    def said(self, settings: Settings) -> str:
        n = settings["days_before"]
        if not n:
            return "le jour de l’anniversaire"
        return ngettext("%d jour avant l’anniversaire", "%d jours avant l’anniversaire", n) % n


def _morning(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.get_current_timezone())


def _days(since: datetime, until: datetime) -> Iterator[date]:
    """The days that begin between the two, by the shop's clock."""
    day = timezone.localdate(since)
    while _morning(day) <= until:
        if _morning(day) >= since:
            yield day
        day += timedelta(days=1)
