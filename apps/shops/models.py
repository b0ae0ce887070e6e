"""The shop (the tenant), its hosts and its settings. Public schema."""

from typing import ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.expressions import Combinable
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_tenants.models import DomainMixin, TenantMixin

from apps.core.phone import region_zone
from apps.core.sealing import Sealed
from apps.core.tokens import new_token
from apps.shops.theme import theme_digest

TEMPLATE_SCHEMA = "shop_template"
DEFAULT_ACCENT = "#6d1a36"

hex_colour = RegexValidator(r"^#[0-9a-f]{6}\Z", _("Une couleur s’écrit #6d1a36."))
slug_rule = RegexValidator(
    r"^[a-z0-9](?:[a-z0-9-]{1,38}[a-z0-9])\Z",
    _("De 3 à 40 lettres minuscules, chiffres et tirets, sans espace ni accent."),
)


class Trade(models.TextChoices):
    WINE = "wine", _("Caviste")
    CAFE = "cafe", _("Café, salon de thé")
    SNEAKERS = "sneakers", _("Chaussures, mode")
    HAIR = "hair", _("Coiffure, beauté")
    FOOD = "food", _("Épicerie, bouche")
    OTHER = "other", _("Autre commerce")


class Region(models.TextChoices):
    """The territory the shop stands in: reads its phones, its holidays, its time."""

    FR = "FR", _("France métropolitaine")
    GP = "GP", _("Guadeloupe")
    MQ = "MQ", _("Martinique")
    GF = "GF", _("Guyane")
    RE = "RE", _("La Réunion")
    YT = "YT", _("Mayotte")


class Unpaid(models.TextChoices):
    """Why nothing pays for a shop from some moment on."""

    TRIAL = "trial", _("Fin de l’essai")
    LATE = "late", _("Paiement en retard")
    ENDED = "ended", _("Abonnement terminé")


class Shop(TenantMixin):
    """One shop, one schema. Its settings stand here so that one read by host brings them."""

    names_files = ("logo",)
    auto_create_schema = False  # provisioning replays the template's DDL, see services
    walled_by = "schema_name"
    read_by_all = True  # by host, before a shop is known

    name = models.CharField(_("nom"), max_length=60)
    slug = models.CharField(_("adresse"), max_length=40, unique=True, validators=[slug_rule])
    trade = models.CharField(_("métier"), max_length=12, choices=Trade, default=Trade.OTHER)
    sells_alcohol = models.BooleanField(_("vend de l’alcool"), null=True, default=None)
    accent = models.CharField(
        _("couleur"), max_length=7, default=DEFAULT_ACCENT, validators=[hex_colour]
    )
    logo = models.CharField(max_length=120, blank=True)  # storage name, hashed
    region = models.CharField(_("territoire"), max_length=2, choices=Region, default=Region.FR)
    street = models.CharField(_("adresse postale"), max_length=120, blank=True)
    postal_code = models.CharField(_("code postal"), max_length=5, blank=True)
    city = models.CharField(_("ville"), max_length=60, blank=True)
    phone = models.CharField(_("téléphone"), max_length=16, blank=True)  # E.164
    email = models.EmailField(_("e-mail"), blank=True)
    legal_name = models.CharField(_("raison sociale"), max_length=100, blank=True)
    siren = models.CharField(_("SIREN"), max_length=9, blank=True)
    publisher = models.CharField(_("responsable de la publication"), max_length=80, blank=True)
    opening_hours = models.TextField(_("horaires"), max_length=400, blank=True)
    # Which texts are in force (« notice sales »), for the foot of each page (see ``legal``).
    texts = models.CharField(max_length=60, blank=True, default="", db_default="", editable=False)

    sms_sender = models.CharField(_("nom d’expéditeur SMS"), max_length=11, blank=True)
    reply_to = models.EmailField(_("adresse de réponse"), blank=True)
    # The shop's own sender, in use while ``mail_proven_at`` is set (see ``mail_identity``).
    mail_from = models.EmailField(_("adresse d’envoi"), blank=True, default="", db_default="")
    mail_proven_at = models.DateTimeField(null=True, blank=True)
    # The shop's own account at the SMS operator, in use while ``sms_account_since`` is set; its
    # token is in the vault (see ``messaging.accounts``).
    sms_account = models.CharField(max_length=34, blank=True, default="", db_default="")
    sms_account_sender = models.CharField(max_length=34, blank=True, default="", db_default="")
    sms_account_price_tenths = models.PositiveIntegerField(default=0, db_default=0)
    sms_account_since = models.DateTimeField(null=True, blank=True)
    sundays_allowed = models.BooleanField(_("écrire les dimanches et jours fériés"), default=False)
    quiet_from = models.TimeField(_("pas de message après"), default="21:30")
    quiet_until = models.TimeField(_("pas de message avant"), default="08:00")
    cap_days = models.PositiveSmallIntegerField(_("jours entre deux messages"), default=7)
    sms_price_tenths = models.PositiveIntegerField(default=70)  # tenths of a cent a segment
    # What messages may cost in a month; empty: whatever they cost (see ``messaging.budget``).
    budget_cents = models.PositiveIntegerField(_("budget du mois"), null=True, blank=True)
    # A code of ``plans.PLANS``, or empty: agreed apart, without limits.
    plan = models.CharField(
        _("formule"), max_length=12, blank=True, default="boutique", db_default="boutique"
    )
    # From when on nothing pays for it (a trial's end lies ahead); empty: paid, or agreed apart.
    unpaid_from = models.DateTimeField(_("impayée depuis"), null=True, blank=True)
    unpaid_why = models.CharField(
        _("raison"), max_length=8, choices=Unpaid, blank=True, default="", db_default=""
    )

    whatsapp_on = models.BooleanField(_("écrire par WhatsApp"), default=False, db_default=False)
    whatsapp_number = models.CharField(
        _("numéro WhatsApp"), max_length=16, blank=True, default="", db_default=""
    )  # E.164
    # French law has not cleared alcohol there: the platform's staff alone opens it to such a shop.
    whatsapp_alcohol = models.BooleanField(
        _("WhatsApp malgré l’alcool"), default=False, db_default=False
    )
    # Nor has it here, where a notification may pass for an intrusion (CSP L3323-2).
    push_alcohol = models.BooleanField(
        _("notifications malgré l’alcool"), default=False, db_default=False
    )
    whatsapp_price_tenths = models.PositiveIntegerField(default=120, db_default=120)

    callback_token = models.CharField(max_length=22, unique=True, default=new_token, editable=False)
    # Repeats the ledger's, so that the read by host says whether this code may serve the shop.
    schema_version = models.CharField(max_length=16, blank=True, default="", editable=False)
    steps_done = models.JSONField(default=list, blank=True)  # onboarding steps ticked by hand
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("boutique")
        verbose_name_plural = _("boutiques")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(slug__regex=r"^[a-z0-9][a-z0-9-]{1,38}[a-z0-9]$"),
                name="shop_slug_is_a_host_label",
            ),
            models.CheckConstraint(
                condition=models.Q(accent__regex=r"^#[0-9a-f]{6}$"), name="shop_accent_is_a_colour"
            ),
            models.CheckConstraint(
                condition=models.Q(sms_account_since=None)
                | ~models.Q(sms_account="") & ~models.Q(sms_account_sender=""),
                name="an_account_in_use_is_named",
            ),
            models.CheckConstraint(
                condition=models.Q(unpaid_from=None, unpaid_why="")
                | models.Q(unpaid_from__isnull=False) & ~models.Q(unpaid_why=""),
                name="an_unpaid_shop_says_why",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def host(self) -> str:
        return f"{self.slug}.{settings.PLATFORM_HOST}"

    @property
    def segment_tenths(self) -> int:
        """What a segment of an SMS costs the shop now, in tenths of a cent."""
        return self.sms_account_price_tenths if self.sms_account_since else self.sms_price_tenths

    @property
    def zone(self) -> ZoneInfo:
        """The shop's own clock: « aujourd’hui », « ce mois-ci » and every hour shown are by it."""
        return region_zone(self.region)

    @property
    def theme_url(self) -> str:
        """The stylesheet with the shop's colour; its name changes with the colour."""
        return f"/theme-{theme_digest(self.accent)}.css"

    @property
    def logo_url(self) -> str:
        """Where the logo is fetched, empty when there is none; its name changes with it."""
        return f"/logo/{self.logo.rpartition('/')[2]}" if self.logo else ""

    @property
    def url(self) -> str:
        """The shop's own address on the platform, without a final slash."""
        return f"{settings.SCHEME}://{self.host}{settings.PORT_SUFFIX}"


def of_shop(
    related_name: str = "+", *, db_index: bool = False
) -> "models.ForeignKey[Shop | Combinable, Shop]":
    """The key of a table that is ``walled_by`` it. Without an index of its own, since a
    constraint of the table has one that begins with it."""
    return models.ForeignKey(
        Shop,
        models.CASCADE,
        to_field="schema_name",
        db_column="shop_schema",
        related_name=related_name,
        db_index=db_index,
    )


class Domain(DomainMixin):
    """A host name that opens a shop: ``<slug>.<platform>``, and its own ones once proven."""

    walled_by = "tenant"
    read_by_all = True  # by host, before a shop is known
    tenant = of_shop("domains", db_index=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("domaine")
        verbose_name_plural = _("domaines")
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("domain"), name="domain_once_whatever_its_case")
        ]


class DomainClaim(models.Model):
    """A name a shop says is its own; ``proof`` in its DNS makes it a ``Domain``."""

    walled_by = "shop"
    shop = of_shop("domain_claims")
    domain = models.CharField(_("domaine"), max_length=253)
    proof = models.CharField(max_length=22, default=new_token, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("domaine demandé")
        verbose_name_plural = _("domaines demandés")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "domain"], name="one_claim_per_shop_and_domain")
        ]

    def __str__(self) -> str:
        return self.domain

    @property
    def word(self) -> str:
        """What the TXT record must say."""
        return f"comptoir={self.proof}"


class SchemaVersion(models.Model):
    """What schemas have stood at: a set of migrations and the privileges' rules. Never changed."""

    owner_writes = True

    fingerprint = models.CharField(max_length=16, primary_key=True)
    migrations = models.JSONField()  # sorted, « loyalty.0001_initial »
    rules = models.CharField(max_length=16)  # fingerprint of the rules of ``privileges``

    def __str__(self) -> str:
        return self.fingerprint


class SchemaState(models.Model):
    """The ledger: where each schema stands (public, the template, every shop), and since when."""

    owner_writes = True

    schema = models.CharField(max_length=63, primary_key=True)
    version = models.CharField(max_length=16)
    since = models.DateTimeField(default=timezone.now)
    progress = models.CharField(max_length=200, blank=True)  # « loyalty.0002_x 3 »: steps done
    error = models.CharField(max_length=300, blank=True)  # a French sentence, no row's value in it
    by = models.CharField(max_length=80, blank=True)  # host and pid of who wrote the row

    def __str__(self) -> str:
        return self.schema


class MigrationScript(models.Model):
    """What a migration did to the template, so that every shop gets the same."""

    owner_writes = True

    migration = models.CharField(max_length=160, primary_key=True)
    statements = models.JSONField(null=True)  # None: it needs Python, each schema runs it

    def __str__(self) -> str:
        return self.migration


class SealedRow(models.Model):
    """Something that opens a door elsewhere, sealed; read and written by ``vault`` alone."""

    sealed = models.BinaryField()
    sealed_by = models.CharField(max_length=16)  # which key, see ``core.sealing``
    tail = models.CharField(max_length=4, blank=True)  # the last signs, to be recognised by
    kept_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)  # a certificate ends by itself
    told_days = models.PositiveSmallIntegerField(null=True)  # the last warning before that

    class Meta:
        abstract = True

    @property
    def as_sealed(self) -> Sealed:
        return Sealed(self.sealed_by, bytes(self.sealed))


class Secret(SealedRow):
    """What a shop entrusts to us."""

    walled_by = "shop"
    shop = of_shop()
    name = models.CharField(max_length=80)  # « twilio:AC… »

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "name"], name="one_secret_per_shop_and_name")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["expires_at"],
                condition=models.Q(expires_at__isnull=False),
                name="secret_that_ends",
            )
        ]

    def __str__(self) -> str:
        return f"{self.shop_id}:{self.name}"


class PlatformSecret(SealedRow):
    """What the platform keeps for itself, and uses for every shop."""

    name = models.CharField(max_length=80, unique=True)

    def __str__(self) -> str:
        return self.name


class SharedLine(models.Model):
    """A shop has written to this number by a sender that other shops use too.

    Whose answer a text to that sender is, without a look into every shop: the one that wrote
    last. ``address_hash`` says nothing without the server's key.
    """

    walled_by = "shop"
    shop = of_shop()
    address_hash = models.CharField(max_length=64)
    written_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["shop", "address_hash"], name="one_line_per_shop_and_number"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["address_hash", "-written_at"], name="line_of_number")
        ]

    def __str__(self) -> str:
        return f"{self.shop_id}:{self.address_hash[:8]}"


class LineWord(models.Model):
    """The last word a number said to the shared sender: after a stop, no shop writes to it by
    that sender."""

    address_hash = models.CharField(max_length=64, primary_key=True)
    stopped = models.BooleanField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.address_hash[:8]


class SharedReply(models.Model):
    """What came to the shared sender, stored once before it is known whose it is.

    ``payload`` holds the number and the words until they are handed over, and no longer.
    """

    key = models.CharField(max_length=64, unique=True)  # hash of what makes the event one
    payload = models.JSONField()
    received_at = models.DateTimeField(default=timezone.now)
    handed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.key[:8]
