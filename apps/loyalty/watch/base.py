"""What a detector is: a sort of line about stamps, which finds its own."""

from abc import abstractmethod
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.loyalty.models import Movement, Programme
from apps.loyalty.services import undo_stamp
from apps.review.kinds import Kind, Words
from apps.review.models import Case
from apps.review.services import note

# The list is read in the evening, or after a holiday.
UNDONE_WITHIN = timedelta(days=30)
_GESTURES = UUID("3c5b7f0a-41f7-4a39-9a8b-0e2f7a6c5d11")


class OfStamps(Kind):
    """A line about stamps: ``facts["stamps"]`` are their numbers in the ledger."""

    def undoing(self, case: Case, now: datetime) -> Words:
        if now - case.at > UNDONE_WITHIN:
            return ""
        many = len(case.facts["stamps"])
        if many > 1:
            return _("Annuler les %(many)d tampons") % {"many": many}
        return _("Annuler le tampon")

    def undo(self, case: Case, *, by: Actor, now: datetime) -> str:
        gone, refused = 0, list[Refusal]()
        stamps = Movement.objects.filter(pk__in=case.facts["stamps"])
        # By card: two of the team who undo the same cards wait for each other. Newest first, so
        # that each finds the visit before it.
        for stamp in stamps.order_by("card", "-at", "-pk"):
            token = uuid5(_GESTURES, f"{case.pk}:{stamp.pk}")
            try:
                with transaction.atomic():
                    undo_stamp(
                        movement=stamp, token=token, by=by, now=now, lead=True, within=UNDONE_WITHIN
                    )
            except Refusal as refusal:
                refused.append(refusal)
            else:
                gone += 1
        if refused and not gone:
            raise refused[0]
        told = ngettext("%(many)d tampon annulé.", "%(many)d tampons annulés.", gone)
        told %= {"many": gone}
        if refused:
            kept = ngettext("%(many)d reste. %(why)s", "%(many)d restent. %(why)s", len(refused))
            told += " " + kept % {"many": len(refused), "why": refused[0]}
        return told

    def address(self, case: Case) -> str:
        card = case.facts.get("card")
        return reverse("counter-card", args=[card]) if card else ""


class Detector(OfStamps):
    @abstractmethod
    def look(self, stamp: Movement, programme: Programme) -> None:
        """A line in the list, if there is cause; the same stamp again adds nothing."""

    def note(self, stamp: Movement, **numbers: int) -> None:
        """A line about this one stamp."""
        note(
            self.name,
            stamp.pk,
            at=stamp.at,
            contact=stamp.card.contact,
            actor_id=stamp.actor_id,
            device=stamp.device,
            stamps=[stamp.pk],
            card=stamp.card_id,
            **numbers,
        )
