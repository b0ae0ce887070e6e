"""Somebody has not come for a while: so many days, or long for them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db.models import (
    Count,
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    Min,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Greatest
from django.utils.translation import gettext_lazy as _

from apps.campaigns.triggers.kind import Kind, Met, Settings, whole
from apps.contacts.models import Contact
from apps.core.templatetags.french import nombre
from apps.loyalty.models import Movement, MovementKind
from apps.loyalty.queries import standing

DAYS, RHYTHM = "days", "rhythm"
KNOWN_AFTER = 3  # visits from which on somebody has a rhythm
TIMES = 2  # so many of one's own intervals are long
FURTHEST = timedelta(days=200)  # an absence that is long by one's rhythm only after that is none


class InactivityForm(forms.Form):
    by = forms.ChoiceField(
        label=_("Une longue absence, c’est"),
        choices=[
            (DAYS, _("un nombre de jours")),
            (RHYTHM, _("deux fois son rythme habituel")),
        ],
        initial=DAYS,
    )
    days = whole(_("Jours sans visite (au moins)"), 60, 7, 365)


class Inactivity(Kind):
    key = "inactivity"
    title = str(_("On ne vous voit plus"))
    about = str(_("Un mot à qui n’est plus venu : après tant de jours, ou selon son rythme."))
    lasts = timedelta(days=14)
    form = InactivityForm
    written = {
        "sms_text": "{prénom|Bonjour}, cela fait un moment ! Votre carte vous attend chez "
        "{boutique} avec {tampons} au compteur : {lien}",
        "email_subject": "Votre carte vous attend chez {boutique}",
        "email_text": "Bonjour {prénom},\n\nCela fait un moment que nous ne vous avons vu. Votre "
        "carte vous attend, avec {tampons} au compteur.\n\n{lien}\n\nÀ bientôt,\n{boutique}",
    }

    def met(
        self, settings: Settings, since: datetime, until: datetime, contact_id: int | None = None
    ) -> Iterable[Met]:
        """Each visit after which the person stayed away so long, also if they came back then."""
        visits = _with_limit(standing(MovementKind.EARN, contact_id), settings, since, until)
        came = Movement.objects.filter(kind=MovementKind.EARN, card=OuterRef("card"))
        back = came.filter(at__gt=OuterRef("at"), at__lte=OuterRef("long"))
        gone = visits.filter(~Exists(back), long__gte=since, long__lte=until)
        found = gone.filter(card__contact__merged_into=None).order_by("long", "pk")
        for pk, person, at in found.values_list("pk", "card__contact_id", "long"):
            yield Met(person, f"visit:{pk}", at)

    def holds(self, settings: Settings, met: Met) -> bool:
        """They have not come since."""
        visit = Movement.objects.filter(pk=int(met.occasion.removeprefix("visit:")))
        last = Contact.objects.filter(pk=met.contact_id).values("last_visit_at")
        return not visit.filter(at__lt=Subquery(last)).exists()

    def said(self, settings: Settings) -> str:
        days = nombre(settings["days"])
        if settings["by"] == DAYS:
            return f"{days} jours après la dernière visite"
        return f"après deux fois le rythme habituel de la personne, {days} jours au moins"


def _with_limit(
    visits: "QuerySet[Movement]", settings: Settings, since: datetime, until: datetime
) -> "QuerySet[Any]":
    """Visits with ``long``, the moment from which on the absence after them is long."""
    least = timedelta(days=settings["days"])
    away: Any = Value(least, DurationField())
    furthest = least
    if settings["by"] == RHYTHM:
        furthest = max(least, FURTHEST)
        away = Greatest(away, Subquery(_rhythm()), output_field=DurationField())
    visits = visits.filter(at__gte=since - furthest, at__lte=until - least)
    return visits.annotate(long=ExpressionWrapper(F("at") + away, DateTimeField()))


def _rhythm() -> "QuerySet[Any]":
    """Of the card outside: ``TIMES`` its mean interval between visits; nothing for who came
    seldom, and then the days alone count."""
    theirs = standing(MovementKind.EARN).filter(card=OuterRef("card")).order_by().values("card")
    counted = theirs.annotate(n=Count("pk"), span=Max("at") - Min("at"))
    interval = ExpressionWrapper(F("span") * TIMES / (F("n") - 1), DurationField())
    return counted.filter(n__gte=KNOWN_AFTER).values_list(interval)
