"""The bookkeeping programs a shop may choose: one table, read by screens, verbs and the worker."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.core.ratelimit import Limit, turn
from apps.core.tenancy import current_schema
from apps.invoicing.providers import lexware, pennylane
from apps.invoicing.providers.base import Books
from apps.invoicing.providers.line import Access, Line
from apps.invoicing.providers.local import Folder


@dataclass(frozen=True, slots=True)
class Target:
    """``way`` is how one gets in: by a key that is typed, by a grant, or by nothing at all.
    ``on_payments`` says what becomes of payments there."""

    code: str
    name: str | Promise
    way: str
    on_payments: str | Promise
    open: Callable[[Access], Books]


def _lexware(access: Access) -> Books:
    limit = Limit("lexware", *settings.LEXWARE_RATE)
    way = Line(settings.LEXWARE_URL, access, partial(turn, limit), lexware.explain)
    return lexware.Lexware(way)


def _pennylane(access: Access) -> Books:
    limit = Limit("pennylane", *settings.PENNYLANE_RATE)
    url = f"{settings.PENNYLANE_URL}/api/external/v2"
    return pennylane.Pennylane(Line(url, access, partial(turn, limit), pennylane.explain))


def folder_here() -> Folder:
    return Folder(settings.LOCAL_BOOKS / current_schema())


KEY, GRANT, NOTHING = "key", "grant", "nothing"
TARGETS = {
    one.code: one
    for one in (
        Target(
            "pennylane",
            "Pennylane",
            GRANT,
            _(
                "Les paiements sont rapprochés de la ligne de banque qui nomme la facture ; sinon "
                "la facture est marquée payée une fois soldée."
            ),
            _pennylane,
        ),
        Target(
            "lexware",
            "Lexware Office",
            KEY,
            _(
                "Lexware ne reçoit pas de paiements : ils sont écrits dans la remarque de la "
                "pièce, avec leur date et leur moyen."
            ),
            _lexware,
        ),
        Target(
            "local",
            _("Carnet de cette machine"),
            NOTHING,
            _("Chaque pièce est écrite dans un fichier de cette machine, telle qu’elle part."),
            lambda access: folder_here(),
        ),
    )
}


def offered() -> list[Target]:
    """Those this installation can reach."""
    ways = {GRANT: bool(settings.PENNYLANE_CLIENT_ID), KEY: True, NOTHING: settings.LOCAL}
    return [one for one in TARGETS.values() if ways[one.way]]
