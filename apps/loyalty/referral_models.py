"""Who brought whom, and what somebody must look at before it is rewarded. Shop's schema."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Contact

REFERRAL = "referral"  # the cause of its lines in the ledger


class ReferralState(models.TextChoices):
    WAITING = "waiting", _("A pris la carte")
    DOUBTED = "doubted", _("À vérifier")
    GIVEN = "given", _("Récompensé")
    RETURNED = "returned", _("Repris : tout a été rendu")
    REFUSED = "refused", _("Écarté")
    KNOWN = "known", _("Déjà client")


class Reason(models.TextChoices):
    """Why somebody must look: the sentence that the owner reads."""

    ADDRESS = "address", _("Le numéro ou l’e-mail est celui de la personne qui parraine.")
    VARIANT = "variant", _("L’e-mail est une variante de celui de la personne qui parraine.")
    DEVICE = "device", _("La carte a été prise sur un appareil qui en porte déjà une.")
    PERSON = "person", _("Les deux cartes sont celles d’une même personne.")
    CIRCLE = "circle", _("Un cercle : de parrain en filleul, on revient à la même personne.")


class ReferralQuerySet(models.QuerySet["Referral"]):
    def brought(self, contact_id: int) -> Self:
        """This person, also under a record that was merged into theirs."""
        return self.filter(friend__contact__in=Contact.objects.records_of(contact_id))

    def bringing(self, contact_id: int) -> Self:
        """Those whom this person brought, also under a record that was merged into theirs."""
        return self.filter(sponsor__contact__in=Contact.objects.records_of(contact_id))


class Referral(models.Model):
    """``sponsor`` brought ``friend``: the cards as they were that day, and who they are today is
    whom these were merged into. A card is brought once.

    ``sponsor_gets`` and ``friend_gets`` are what was promised then, in the programme's units.
    ``visit`` is the first gesture of the friend that stands: one gesture is rewarded once;
    ``gift`` is the sponsor's line for it, the friend's follows the visit. A ``doubt`` is asked of
    the team once, in the list « À vérifier »: until they decide, nothing is given.
    """

    sponsor = models.ForeignKey("Card", models.PROTECT, related_name="referrals")
    friend = models.OneToOneField("Card", models.PROTECT, related_name="referral")
    state = models.CharField(
        max_length=8, choices=ReferralState, default=ReferralState.WAITING, db_default="waiting"
    )
    sponsor_gets = models.PositiveIntegerField()
    friend_gets = models.PositiveIntegerField()
    followed_at = models.DateTimeField()  # the first link
    created_at = models.DateTimeField(default=timezone.now)
    joined_at = models.DateTimeField(null=True)  # an address was proven, or they came; no doubt
    doubt = models.CharField(max_length=8, choices=Reason, default="", db_default="")
    visit = models.OneToOneField("Movement", models.PROTECT, null=True, related_name="referral")
    gift = models.OneToOneField("Movement", models.PROTECT, null=True, related_name="+")
    given_at = models.DateTimeField(null=True)

    objects = ReferralQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(sponsor=F("friend")), name="nobody_brings_themselves"
            ),
            models.CheckConstraint(
                condition=~Q(state="given")
                | Q(visit__isnull=False, gift__isnull=False, given_at__isnull=False),
                name="what_is_given_was_earned_by_a_visit",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="referral_by_time"),
        ]

    def __str__(self) -> str:
        return f"Referral {self.pk}"
