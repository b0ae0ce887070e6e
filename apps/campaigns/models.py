"""The Daily Drop: who, what, when, and how it went. Shop's schema."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    DRAFT = "draft", _("brouillon")
    SCHEDULED = "scheduled", _("programmé")
    PREPARING = "preparing", _("en préparation")
    SENDING = "sending", _("en cours d’envoi")
    PAUSED = "paused", _("en pause")
    DONE = "done", _("terminé")
    CANCELLED = "cancelled", _("annulé")


class Drop(models.Model):
    """A message to many. ``criteria`` says who (see audience); the audience freezes at launch."""

    title = models.CharField(_("nom"), max_length=80)
    criteria = models.JSONField(default=dict)
    use_sms = models.BooleanField(_("par SMS"), default=True)
    use_email = models.BooleanField(_("par e-mail"), default=True)
    both = models.BooleanField(_("les deux canaux à chacun"), default=False)
    sms_text = models.TextField(_("texte du SMS"), max_length=600, blank=True)
    email_subject = models.CharField(_("objet de l’e-mail"), max_length=120, blank=True)
    email_text = models.TextField(_("texte de l’e-mail"), max_length=5000, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.DRAFT)
    send_at = models.DateTimeField(null=True, blank=True)
    launched_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    left_out = models.JSONField(default=dict)  # reason code → count, frozen at launch
    audience_size = models.PositiveIntegerField(default=0)
    pause_reason = models.CharField(max_length=40, blank=True)
    launch_token = models.UUIDField(null=True, unique=True)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(state="scheduled") | Q(send_at__isnull=False),
                name="a_scheduled_drop_has_a_time",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["-created_at"], name="drop_by_time")]

    def __str__(self) -> str:
        return self.title

    @property
    def cause(self) -> str:
        return f"drop:{self.pk}"
