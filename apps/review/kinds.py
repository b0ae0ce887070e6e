"""The sorts of lines, as ``config/reviews.py`` lists them: each says itself in words, and how what
it is about is undone. The rooms above add theirs; this one knows none by name."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import ClassVar

from django.conf import settings
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.review.models import Case, Decision

Words = str | Promise


@dataclass(frozen=True, slots=True)
class Names:
    """How those of a line are called: who did it, for whom, on which phone of the shop."""

    who: str
    whom: str
    phone: str


class NothingToUndo(Refusal):
    """A line that only tells: what it is about has changed nothing."""

    message = _("Il n’y a rien à annuler : cette ligne signale seulement ce qui s’est passé.")


class Kind(ABC):
    """One sort of line. ``name`` is kept in rows: 24 letters at most."""

    name: ClassVar[str]
    label: ClassVar[Words]  # « Rafale », for the filter
    fine: ClassVar[Words] = _("C’est normal")  # the button to let it stand

    @abstractmethod
    def sentence(self, case: Case, names: Names) -> str:
        """What happened, in plain French."""

    def accept(self, case: Case, *, by: Actor, now: datetime) -> str:
        """What has waited for « C’est normal » is done, and said; mostly nothing has.

        Runs in the transaction of the decision.
        """
        return ""

    def undoing(self, case: Case, now: datetime) -> Words:
        """What the button to undo it says; empty where nothing can be undone."""
        return ""

    def undo(self, case: Case, *, by: Actor, now: datetime) -> str:
        """Undo what the line is about and say what was done; a second time changes nothing.

        Runs in the transaction of the decision. Raises a ``Refusal`` when nothing can be undone.
        """
        raise NothingToUndo

    def decision(self, case: Case) -> Words:
        """What was decided, in a word or two; empty while nobody has."""
        return Decision(case.decision).label if case.decision else ""

    def address(self, case: Case) -> str:
        """Where it can be looked at more closely; empty when nowhere."""
        return ""


@cache
def every() -> dict[str, Kind]:
    """By name, in the order of the list."""
    made: list[Kind] = [import_string(path)() for path in import_string(settings.REVIEWS)]
    return {kind.name: kind for kind in made}
