"""People a shop knows, their tags, and the ledger of what they agreed to. Shop's schema."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts import channels
from apps.contacts.age import ADULT, age_on
from apps.core.french import search_key
from apps.core.tokens import new_token


class Channel(StrEnum):
    """The two that carry a card's link and so prove an address. All there are: ``channels``."""

    SMS = "sms"
    EMAIL = "email"


class ConsentState(models.TextChoices):
    """What the last line of the ledger says for a channel."""

    NONE = "none", _("jamais demandé")
    PENDING = "pending", _("à confirmer")
    GRANTED = "granted", _("accepté")
    WITHDRAWN = "withdrawn", _("retiré")


class Source(models.TextChoices):
    """Where a contact or a consent came from."""

    POSTER = "poster", _("Affiche")
    STAND = "stand", _("Carte de comptoir")
    TENT = "tent", _("Chevalet")
    STICKER = "sticker", _("Autocollant")
    FRIEND = "friend", _("Parrainage")
    COUNTER = "counter", _("Comptoir")
    IMPORT = "import", _("Import")
    CARD = "card", _("Carte")
    MESSAGE = "message", _("Lien du message")
    REPLY = "reply", _("Réponse SMS")
    PROVIDER = "provider", _("Opérateur")
    TEAM = "team", _("Équipe")
    PAPER = "paper", _("Formulaire papier")
    CLUB = "club", _("Club")


# Who came by one of these filled in the public page alone, unseen by the team.
BY_THEMSELVES = frozenset({Source.POSTER, Source.STAND, Source.TENT, Source.STICKER, Source.FRIEND})


class Tag(models.Model):
    name = models.CharField(_("étiquette"), max_length=30)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(Lower("name"), name="one_tag_per_name")]

    def __str__(self) -> str:
        return self.name


def standing(channel: str) -> dict[str, Q]:
    """Why a person may not be written to by ``channel``, in SQL: the first that holds counts,
    and none holds for who may. ``Contact.why_not`` says the same of one."""
    way = channels.named(channel)
    return {
        "no_address": Q(**{way.address: ""}),
        **({"landline": Q(phone_mobile=False)} if way.mobile_only else {}),
        "bad": way.is_bad(),
        "pending": way.consent_is(ConsentState.PENDING),
        "stopped": way.consent_is(ConsentState.WITHDRAWN),
        "no_consent": way.consent_is(ConsentState.NONE),
    }


class ContactQuerySet(models.QuerySet["Contact"]):
    def living(self) -> Self:
        """Without the records that were merged into another."""
        return self.filter(merged_into=None)

    def records_of(self, *people: int) -> Self:
        """Those of ``people``, by key, and the records that were merged into theirs.

        For ``contact__in=``: an OR over the join would read every row of the other table.
        """
        return self.filter(Q(pk__in=people) | Q(merged_into__in=people))

    def tagged(self, *names: str) -> Self:
        return self.filter(tags__name__in=names).distinct()

    def reachable_by(self, channel: str) -> Self:
        """Agreed, proven, and with an address that has not been refused by the network."""
        return self.living().filter(~reduce(or_, standing(channel).values()))

    def not_seen_since(self, *, days: int, now: datetime | None = None) -> Self:
        limit = (now or timezone.now()) - timedelta(days=days)
        return self.filter(Q(last_visit_at__lt=limit) | Q(last_visit_at=None))

    def matching(self, text: str) -> Self:
        """By digits of the phone, by words of the name however accented, or by e-mail.

        One digit alone says too little: it finds nobody, and beside a name it is left aside.
        """
        whole = text.strip().lower()
        if "@" in whole:
            return self.living().filter(email__contains=whole)
        digits = "".join(c for c in text if c.isdigit())
        words = search_key("".join(c for c in text if not c.isdigit())).split()
        found = self.living()
        # As typed here (06…) and from abroad (0033…), towards how it is kept (+336…).
        number = digits.lstrip("0")
        by_number = len(digits) >= 2 and bool(number)
        if by_number:
            found = found.filter(phone__contains=number)
        for word in words:
            name = Q(search__startswith=word) | Q(search__contains=f" {word}")
            found = found.filter(name | Q(email__contains=word))
        return found if by_number or words else self.none()


class Contact(models.Model):
    """A person. Known by a phone number alone, an e-mail alone, or a card alone.

    ``phone`` is E.164 and unique; a number someone claimed on the public page while another
    record holds it waits in ``claim`` until its holder taps the link (see loyalty.joining).
    ``push`` names the browsers that take the shop's news, as long as there is one.
    ``*_proven_at`` says when the holder of the number, mailbox or browser showed it was theirs.
    ``ways`` is what the channels without a column of their own keep of the person (``channels``).

    What they did is summed up here by the rooms that keep its ledger, in the same transaction:
    ``visits`` with their first and last (loyalty); ``spent_cents`` in all, ``spent_since`` each day
    of ``spent_on`` (UTC, the year before the last one) and ``tastes`` (catalog: by facet, what they
    bought of it, most units first). ``manage.py check_sums`` proves it.
    """

    first_name = models.CharField(_("prénom"), max_length=60, blank=True)
    last_name = models.CharField(_("nom"), max_length=60, blank=True)
    search = models.CharField(max_length=200, blank=True, editable=False)
    phone = models.CharField(_("téléphone"), max_length=16, blank=True)
    phone_mobile = models.BooleanField(default=False)
    phone_region = models.CharField(max_length=2, blank=True)
    phone_proven_at = models.DateTimeField(null=True, blank=True)
    phone_bad_at = models.DateTimeField(null=True, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    email_proven_at = models.DateTimeField(null=True, blank=True)
    email_bad_at = models.DateTimeField(null=True, blank=True)
    push = models.CharField(max_length=22, blank=True, default="", db_default="")
    push_proven_at = models.DateTimeField(null=True, blank=True)
    sms_consent = models.CharField(max_length=9, choices=ConsentState, default=ConsentState.NONE)
    email_consent = models.CharField(max_length=9, choices=ConsentState, default=ConsentState.NONE)
    ways = models.JSONField(default=dict, db_default={}, blank=True)
    birth_date = models.DateField(_("date de naissance"), null=True, blank=True)
    adult_declared_at = models.DateTimeField(null=True, blank=True)
    adult_wording = models.CharField(max_length=20, blank=True)
    postal_code = models.CharField(_("code postal"), max_length=5, blank=True)
    language = models.CharField(max_length=2, default="fr")
    tags = models.ManyToManyField(Tag, blank=True, related_name="contacts")
    note = models.TextField(_("note"), max_length=1000, blank=True)
    source = models.CharField(max_length=8, choices=Source, default=Source.COUNTER)
    link_token = models.CharField(max_length=22, unique=True, default=new_token, editable=False)
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, related_name="aliases")
    first_visit_at = models.DateTimeField(null=True, blank=True)
    last_visit_at = models.DateTimeField(null=True, blank=True)
    visits = models.PositiveIntegerField(default=0)
    spent_cents = models.BigIntegerField(default=0, db_default=0)
    spent_on = ArrayField(models.DateField(), default=list, db_default=[])
    spent_since = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    tastes = models.JSONField(default=dict, db_default={})
    last_commercial_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # The phone's name for the gesture that made this record: sent again, it is answered the same.
    gesture = models.UUIDField(null=True, editable=False)

    objects = ContactQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["phone"], condition=~Q(phone=""), name="one_person_per_phone"
            ),
            models.UniqueConstraint(
                Lower("email"), condition=~Q(email=""), name="one_person_per_email"
            ),
            models.CheckConstraint(
                condition=Q(phone="") | Q(phone__regex=r"^\+[1-9][0-9]{6,14}$"),
                name="phone_is_e164",
            ),
            models.CheckConstraint(
                condition=~Q(merged_into=models.F("id")), name="contact_not_merged_into_itself"
            ),
        ]
        indexes: ClassVar = [
            # As the lists are sorted: who came last first, who never came at the end.
            models.Index(
                models.F("last_visit_at").desc(nulls_last=True),
                models.F("id").desc(),
                name="contact_last_visit",
            ),
            models.Index(fields=["-created_at"], name="contact_created"),
            models.Index(
                fields=["id"],
                condition=Q(sms_consent="pending") | Q(email_consent="pending"),
                name="contact_pending",
            ),
        ]

    def __str__(self) -> str:
        return f"Contact {self.pk}"

    def save(self, *args: object, **kwargs: object) -> None:
        self.note_for_search()
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def note_for_search(self) -> None:
        """How ``matching`` finds the name; ``save`` does it by itself."""
        self.search = search_key(f"{self.first_name} {self.last_name}")[:200]

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def consent(self, channel: str) -> str:
        return channels.named(channel).consent_of(self)

    def address(self, channel: str) -> str:
        return channels.named(channel).address_of(self)

    def why_not(self, channel: str) -> str:
        """Why this person may get nothing commercial by ``channel``: a code of ``reasons.say``,
        empty if they may."""
        way, said = channels.named(channel), self.consent(channel)
        if not way.address_of(self):
            return "no_address"
        if said != ConsentState.GRANTED:
            return "stopped" if said == ConsentState.WITHDRAWN else "no_consent"
        if way.mobile_only and not self.phone_mobile:
            return "landline"
        return "bad_address" if way.bad_at(self) else ""

    def is_adult(self, today: date) -> bool:
        """By birth date, else by declaration (french-rules §2)."""
        if self.birth_date:
            return age_on(today, self.birth_date) >= ADULT
        return self.adult_declared_at is not None


class ConsentEvent(models.Model):
    """One line of proof: who agreed to or withdrew what, where, in which words. Append-only."""

    append_only = True
    kept_by_law = ("preuve des consentements et de leur retrait (RGPD, art. 7 § 1)", 5)

    contact = models.ForeignKey(
        Contact, models.PROTECT, related_name="consent_events", db_index=False
    )
    channel = models.CharField(max_length=12, choices=channels.choices)
    purpose = models.CharField(max_length=12, default="marketing")
    state = models.CharField(max_length=9, choices=ConsentState)
    wording = models.CharField(max_length=20)  # version of the sentence that was shown
    source = models.CharField(max_length=8, choices=Source)
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["contact", "channel", "-at"], name="consent_of_contact")
        ]

    def __str__(self) -> str:
        return f"{self.contact_id}:{self.channel}:{self.state}"


class Opposition(models.Model):
    """An address that said stop, as a keyed hash: outlives erasure, holds against imports."""

    kept_by_law = ("preuve des oppositions à la prospection (RGPD, art. 21 § 3)", 3)

    channel = models.CharField(max_length=12, choices=channels.choices)
    address_hash = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["channel", "address_hash"], name="one_opposition")
        ]

    def __str__(self) -> str:
        return f"{self.channel}:{self.address_hash[:8]}"
