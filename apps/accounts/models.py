"""People of the team and how they enter. Public schema."""

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.actor import Actor
from apps.core.roles import OPENED_BY_PIN, Right, Role, may
from apps.core.tenancy import current_schema
from apps.core.tokens import new_token
from apps.shops.models import of_shop


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email__iexact=email)


class User(AbstractBaseUser, PermissionsMixin):
    """A person with a sign-in: team of one or several shops, or platform staff."""

    email = models.EmailField(_("e-mail"), max_length=254, unique=True)
    name = models.CharField(_("prénom et nom"), max_length=80, blank=True)
    is_staff = models.BooleanField(_("équipe de la plateforme"), default=False)
    is_active = models.BooleanField(_("actif"), default=True)
    date_joined = models.DateTimeField(_("inscrit le"), default=timezone.now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    objects = UserManager()

    class Meta:
        verbose_name = _("personne")
        verbose_name_plural = _("personnes")
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="one_user_per_email")]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email.split("@")[0]


class Membership(models.Model):
    """A person's role in a shop."""

    walled_by = "shop"
    shop = of_shop("memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(_("rôle"), max_length=8, choices=Role)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    # Of the session that acts: on which phone of the shop, and whether a PIN opened it.
    device: int | None = None
    by_pin = False

    class Meta:
        verbose_name = _("appartenance")
        verbose_name_plural = _("appartenances")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "user"], name="one_role_per_person_and_shop"),
            models.UniqueConstraint(
                fields=["shop"], condition=models.Q(role="owner"), name="one_owner_per_shop"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shop_id}:{self.user_id}:{self.role}"

    def may(self, right: Right) -> bool:
        """A PIN opens the counter and nothing else, whoever typed it."""
        return may(self.role, right) and (right in OPENED_BY_PIN or not self.by_pin)

    @property
    def actor(self) -> Actor:
        """Who acts, and on which phone of the shop, for the ledgers and the trail."""
        return Actor("team", self.user_id, self.device)


def _in_a_week() -> Any:
    return timezone.now() + timedelta(days=7)


class Invitation(models.Model):
    """A person asked to join a shop's team by e-mail; the token opens it once."""

    walled_by = "shop"
    shop = of_shop("invitations", db_index=True)  # the constraint below knows the open ones
    email = models.EmailField(_("e-mail"))
    role = models.CharField(_("rôle"), max_length=8, choices=Role)
    token = models.CharField(max_length=22, unique=True, default=new_token)
    invited_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(default=_in_a_week)
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints: ClassVar = [
            models.UniqueConstraint(
                "shop",
                Lower("email"),
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="one_open_invitation_per_email",
            )
        ]

    def __str__(self) -> str:
        return f"{self.shop_id}:{self.role}"


class Device(models.Model):
    """A phone that belongs to the shop and not to a person: offered, paired once, taken away.

    ``number`` is the shop's own for it, said by the ledgers and the trail. Of the cookie that
    makes the phone known the hash is kept; ``code`` pairs it, once, while it is fresh.
    """

    walled_by = "shop"
    shop = of_shop("devices")
    number = models.PositiveIntegerField()
    name = models.CharField(_("nom du téléphone"), max_length=40)
    code = models.CharField(max_length=8, blank=True)
    code_ends_at = models.DateTimeField(null=True)
    key_hash = models.CharField(max_length=64, blank=True)
    offered_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    offered_at = models.DateTimeField(default=timezone.now)
    paired_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("téléphone")
        verbose_name_plural = _("téléphones")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "number"], name="one_device_per_number"),
            models.UniqueConstraint(
                fields=["shop", "code"], condition=~models.Q(code=""), name="one_device_per_code"
            ),
            models.UniqueConstraint(
                fields=["key_hash"], condition=~models.Q(key_hash=""), name="one_device_per_key"
            ),
            models.CheckConstraint(
                condition=models.Q(code="") | models.Q(paired_at=None, revoked_at=None),
                name="a_code_pairs_once",
            ),
            models.CheckConstraint(
                condition=models.Q(key_hash="") | models.Q(revoked_at=None),
                name="a_revoked_device_has_no_key",
            ),
        ]

    def __str__(self) -> str:
        return self.name


PIN_TRIES = 5


class Pin(models.Model):
    """What a person of the team types on the shop's phones; ``wrong`` in a row, it is locked."""

    walled_by = "shop"
    shop = of_shop()
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    hash = models.CharField(max_length=128)
    wrong = models.PositiveSmallIntegerField(default=0)
    locked_at = models.DateTimeField(null=True)
    set_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "user"], name="one_pin_per_person_and_shop"),
            models.CheckConstraint(
                condition=models.Q(wrong__lt=PIN_TRIES, locked_at=None)
                | models.Q(wrong=PIN_TRIES, locked_at__isnull=False),
                name="five_wrong_pins_lock",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shop_id}:{self.user_id}"


class SpentHandover(models.Model):
    """The nonce of a sign-in hand-over that was used: used once is used up."""

    nonce = models.CharField(max_length=22, primary_key=True)
    spent_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return self.nonce[:6]


class SessionManager(BaseSessionManager["Session"]):
    pass


class Session(AbstractBaseSession):
    """A session opens one host's schema only: the cookie of one shop says nothing in another."""

    walled_by = "schema"
    schema = models.CharField(max_length=63)
    user_id = models.BigIntegerField(null=True, db_index=True)
    device = models.PositiveIntegerField(
        null=True
    )  # the number of the shop's phone it was opened on

    objects = SessionManager()  # type: ignore[misc]

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        db_table = "accounts_session"
        indexes: ClassVar = [
            models.Index(
                fields=["schema", "device"],
                condition=models.Q(device__isnull=False),
                name="session_of_device",
            )
        ]


class PlatformMail(models.Model):
    """A mail of the platform itself (verification, invitation): stored, then sent by a worker.

    Its text is emptied once it has left, so that no link or address stays behind. It is walled
    by where it was written: no shop reads the links of the platform's sign-in.
    """

    walled_by = "schema"
    schema = models.CharField(max_length=63, default=current_schema, editable=False)
    to = models.EmailField()
    subject = models.CharField(max_length=200)
    text = models.TextField()
    html = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("e-mail de la plateforme")
        verbose_name_plural = _("e-mails de la plateforme")

    def __str__(self) -> str:
        return f"PlatformMail {self.pk}"


class StaffAct(models.Model):
    """What platform staff did to someone's access, and why. Append-only."""

    append_only = True

    staff = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("par"))
    user = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("pour"))
    act = models.CharField(_("acte"), max_length=40)
    reason = models.TextField(_("raison"))
    at = models.DateTimeField(_("le"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("acte d’assistance")
        verbose_name_plural = _("actes d’assistance")

    def __str__(self) -> str:
        return f"{self.act} {self.at:%Y-%m-%d}"
