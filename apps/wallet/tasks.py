"""What the workers run for this room."""

from django.utils import timezone

from apps.core import due
from apps.core.jobs import enqueue
from apps.core.tenancy import in_schema
from apps.shops.services import shop_here
from apps.wallet import expiry, pushing, services


def tell() -> None:
    """Tell the phones that are due."""
    pushing.tell(shop_here())


def look_at_the_clock() -> None:
    """Recurring, in public: a job for each shop in which a phone waits for its next try."""
    for schema in due.take(pushing.DUE, timezone.now()):
        with in_schema(schema):
            enqueue(tell)


def shop_changed(shop_id: int) -> None:
    """The shop looks different, and so do its passes."""
    services.show_all_anew(timezone.now())


def look_at_certificates() -> None:
    """Recurring, in public: who must renew a certificate is told."""
    expiry.warn(timezone.now())
