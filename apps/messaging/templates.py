"""Texts that are shown to WhatsApp before they are sent, and what it said of them.

A template is written with the variables of any message; « {texte} » is what is added on the day.
WhatsApp knows it with numbers in their places. Which template a message is written in is read
from the message itself: so a text leaves by one that is approved at that moment, or not at all.
"""

import json
import re
from datetime import datetime, timedelta
from itertools import pairwise

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.core.jobs import enqueue
from apps.core.refusal import Refusal
from apps.core.trail import record
from apps.messaging.accounts import accounts_named
from apps.messaging.channels import sending
from apps.messaging.models import Review, Template
from apps.messaging.providers.base import (
    Account,
    Content,
    DeliveryFailed,
    DeliveryUncertain,
    Written,
)
from apps.messaging.providers.contents import contents
from apps.shops.models import Shop

LONGEST, LONGEST_WORDS = 700, 300
SUBMIT, LOOK = "apps.messaging.tasks.submit_template", "apps.messaging.tasks.look_at_template"
# How long after it was submitted its fate is asked for, each time anew; then once a day.
LOOK_AFTER = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 240))
DAILY = timedelta(days=1)
_PLACE = re.compile(r"\{([^{}|]*)(?:\|[^{}]*)?\}")
# Shown to WhatsApp as examples.
SAMPLES = {
    "prénom": "Camille",
    "nom": "Martin",
    "boutique": "Café des Halles",
    "tampons": "7",
    "reste": "3",
    "lien": "https://cafe.exemple.fr/c/exemple/",
    "code": "K7Q-M3X-TPA",
    "bon": "https://cafe.exemple.fr/bon/K7QM3XTPA/",
    "texte": "le chocolat chaud est de retour, 4,50 €",
}


class BadTemplate(Refusal):
    message = _("%(why)s")
    status = 422


def home_of(shop: Shop) -> str:
    """The shop's own account, if its WhatsApp leaves by it; empty: the platform's, as long as it
    has no own account or no number of its own."""
    return shop.sms_account if shop.sms_account_since and shop.whatsapp_number else ""


def approved(shop: Shop) -> QuerySet[Template]:
    """Those that may be sent now, the newest first."""
    found = Template.objects.filter(review=Review.APPROVED, retired_at=None)
    return found.filter(account=home_of(shop)).order_by("-pk")


def numbered(text: str) -> tuple[str, dict[str, str]]:
    """``text`` as WhatsApp wants it, « Bonjour {{1}} », and an example for each number."""
    samples: dict[str, str] = {}

    def number(place: re.Match[str]) -> str:
        samples[str(len(samples) + 1)] = SAMPLES.get(place[1].strip(), place[1])
        return f"{{{{{len(samples)}}}}}"

    return _PLACE.sub(number, text), samples


class Pattern:
    """Reads in a message what stands in the places of a template; ``text`` is the whole one."""

    def __init__(self, reference: str, text: str) -> None:
        self.reference = reference
        fixed = _PLACE.sub("\0", text).split("\0")
        self.regex = re.compile("(.+?)".join(map(re.escape, fixed)))

    def content(self, body: str) -> Content | None:
        """None for a text that is not written in it. However the places are cut, they give it."""
        found = self.regex.fullmatch(body)
        if found is None:
            return None
        values = {str(n): value for n, value in enumerate(found.groups(), 1)}
        return Content(self.reference, json.dumps(values, ensure_ascii=False))


def check(text: str) -> None:
    """Raises ``BadTemplate`` for what WhatsApp refuses without reading."""
    places = list(_PLACE.finditer(text))
    unknown = [place[0] for place in places if place[1].strip() not in SAMPLES]
    rest = _PLACE.sub("", text)
    if unknown or "{" in rest or "}" in rest:
        known = ", ".join(f"{{{name}}}" for name in SAMPLES)
        raise BadTemplate(why=_("Les variables possibles : %(known)s.") % {"known": known})
    if places and places[0].start() == 0:
        raise BadTemplate(why=_("Commencez par un mot : WhatsApp refuse une variable en tête."))
    if any(a.end() == b.start() for a, b in pairwise(places)):
        raise BadTemplate(why=_("Mettez un mot entre deux variables : WhatsApp le demande."))
    if len(rest.split()) < 2 * len(places) + 1:
        raise BadTemplate(why=_("Trop de variables pour si peu de mots : WhatsApp le refuserait."))


@transaction.atomic
def create(*, title: str, category: str, text: str, by: Actor, now: datetime) -> Template:
    """Keep it and have it submitted. Raises ``BadTemplate``."""
    lines = (" ".join(line.split()) for line in text.strip().split("\n"))
    text = "\n".join(lines)
    check(text)
    made = Template.objects.create(
        title=title, category=category, text=text, created_by=by.id, created_at=now
    )
    enqueue(SUBMIT, made.pk)
    record(by, "template.create", "template", made.pk)
    return made


def submit(template_id: int, shop: Shop, now: datetime | None = None) -> None:
    """Hand it to the provider, outside any transaction; begun again, it has another name there."""
    now = now or timezone.now()
    waiting = Template.objects.filter(pk=template_id, review=Review.WAITING, reference="")
    template = waiting.first()
    if template is None:
        return
    template.tries += 1
    template.account = home_of(shop)
    template.save(update_fields=["tries", "account"])
    name = f"{shop.slug.replace('-', '_')}_{template.pk}_{template.tries}"
    body, samples = numbered(sending("whatsapp").finish(template.text, Contact(), shop))
    try:
        written = Written(name, body, samples, template.category)
        reference = contents().create(written, _account(template, shop))
    except DeliveryFailed as failure:
        if failure.permanent:
            _told(template, Review.REJECTED, failure.code, now)
        else:
            enqueue(SUBMIT, template.pk, at=now + LOOK_AFTER[min(template.tries, 4)])
        return
    except DeliveryUncertain:
        enqueue(SUBMIT, template.pk, at=now + LOOK_AFTER[min(template.tries, 4)])
        return
    template.reference = reference
    template.save(update_fields=["reference"])
    _told(template, Review.PENDING, "", now)
    enqueue(LOOK, template.pk, 0, at=now + LOOK_AFTER[0])


def _account(template: Template, shop: Shop) -> Account | None:
    return accounts_named(shop, [template.account])[template.account]


def look(template_id: int, asks: int, shop: Shop, now: datetime | None = None) -> None:
    """Ask what became of it, and later again: an approval may be taken back."""
    now = now or timezone.now()
    standing = Template.objects.filter(pk=template_id, retired_at=None).exclude(reference="")
    template = standing.exclude(review=Review.REJECTED).first()
    if template is None:
        return
    try:
        review, reason = contents().review(template.reference, _account(template, shop))
    except (DeliveryFailed, DeliveryUncertain):
        review, reason = template.review, template.reason
    _told(template, Review(review), reason, now)
    if review != Review.REJECTED:
        again = LOOK_AFTER[asks + 1] if asks + 1 < len(LOOK_AFTER) else DAILY
        enqueue(LOOK, template.pk, asks + 1, at=now + again)


@transaction.atomic
def ask_again(template: Template, shop: Shop, *, by: Actor, now: datetime) -> None:
    """Somebody would rather know now; also where a lost job had stopped asking. One that another
    account knows is handed to the one that sends today."""
    if template.reference and template.account != home_of(shop):
        create(title=template.title, category=template.category, text=template.text, by=by, now=now)
        retire(template.pk, by, now)
    elif template.reference:
        enqueue(LOOK, template.pk, 0)
    else:
        enqueue(SUBMIT, template.pk)


def _told(template: Template, review: Review, reason: str, now: datetime) -> None:
    template.review, template.reason, template.looked_at = review, reason[:200], now
    template.save(update_fields=["review", "reason", "looked_at"])


@transaction.atomic
def retire(template_id: int, by: Actor, now: datetime) -> None:
    """Nothing more is written in it; what was is still told."""
    standing = Template.objects.filter(pk=template_id, retired_at=None)
    if standing.update(retired_at=now):
        record(by, "template.retire", "template", template_id)
