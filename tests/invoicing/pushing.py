"""A shop whose books are kept elsewhere, and its worker."""

from datetime import date, datetime, timedelta

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Q

from apps.invoicing import bookkeeping
from apps.invoicing.access import Tokens
from apps.invoicing.delivering import drain, next_moment
from apps.invoicing.models import Invoice, Paper, PaperState
from apps.invoicing.push_models import Delivery
from apps.invoicing.targets import TARGETS
from apps.shops.services import shop_here
from tests.invoicing.writing import NOON, OWNER
from tests.peers.bookkeeping.lexware import KEY

PDF = b"%PDF-1.7 une facture"
YEAR = date(2026, 1, 1)


def print_papers():
    """Every invoice has its file, as small as can be: what is in one is tried elsewhere."""
    named = default_storage.save("cave/papier.pdf", ContentFile(PDF))
    ready = {"state": PaperState.READY, "file": named}
    for invoice in Invoice.objects.filter(Q(paper=None) | ~Q(paper__state="ready")):
        Paper.objects.update_or_create(invoice=invoice, defaults=ready)


def connect(target, tokens=None, *, since=YEAR, at=NOON):
    return bookkeeping.connect(
        shop=shop_here(),
        target=TARGETS[target],
        tokens=tokens or Tokens(KEY),
        since=since,
        by=OWNER,
        now=at,
    )


def granted(program):
    """The tokens Pennylane gives once the owner has said yes."""
    said = program.let_in()
    ends = datetime.now(NOON.tzinfo) + timedelta(seconds=program.lives)
    return Tokens(said["access_token"], said["refresh_token"], ends)


def send(at=NOON):
    """The worker's turns until nothing more is to be done at that moment."""
    print_papers()
    for _turn in range(20):
        drain(lambda: at)
        moment = next_moment(at)
        if moment is None or moment > at:
            return
    raise AssertionError("there is always more to send")


def states():
    """Each piece and where it stands."""
    return dict(Delivery.objects.order_by("pk").values_list("reference", "state"))
