"""Work off the request: imports in slices, and what they leave behind."""

from datetime import timedelta

from django.core.files.storage import default_storage
from django.utils import timezone

from apps.core.jobs import enqueue
from apps.core.tenancy import current_schema, in_schema
from apps.imports.models import ImportRun, ImportState
from apps.imports.services import TASK, go_on
from apps.shops.ledger import may_work
from apps.shops.models import Shop

SLICE = timedelta(seconds=20)  # well inside the worker's timeout
DRAFTS_LIVE = timedelta(days=2)


def continue_import(run_id: int) -> None:
    """Bring in lines for a while; what is left is the next job's."""
    shop = Shop.objects.get(schema_name=current_schema())
    if not go_on(run_id, shop, timezone.now() + SLICE):
        enqueue(TASK, run_id)


def forget_drafts() -> None:
    """Recurring, in public: files that were uploaded and left lying are removed."""
    for shop in filter(may_work, Shop.objects.order_by("pk")):
        with in_schema(shop.schema_name):
            old = timezone.now() - DRAFTS_LIVE
            for run in ImportRun.objects.filter(state=ImportState.DRAFT, created_at__lt=old):
                default_storage.delete(run.file)
                run.file, run.state = "", ImportState.DROPPED
                run.save(update_fields=["file", "state"])
