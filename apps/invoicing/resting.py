"""What was on its way to the bookkeeper when the backup was made (see ``messaging.resting``)."""

from apps.invoicing.push_models import PENDING, Bookkeeper, Delivery, Standing, State


def rest(using: str, *, is_copy: bool) -> None:
    """The owner resumes it; each piece may be there already, so it is asked for first. A copy has
    no keys: what is sent is the original's affair."""
    here = Bookkeeper.objects.using(using)
    here.update(held_until=None)
    if is_copy:
        here.update(standing=Standing.LEFT)
    here.filter(standing=Standing.ACTIVE).update(standing=Standing.PAUSED)
    waiting = Delivery.objects.using(using).filter(state__in=PENDING)
    waiting.update(state=State.UNKNOWN)
    waiting.filter(tries=0).update(tries=1)
