"""The shop's own watch over its stamps: each detector is a file, and a sort of line in the list
« À vérifier » (``config/reviews.py``). A stamp is never refused for it.

They look in a job, which the stamp queues where it may be worth it (``services.watching``).
"""

from apps.loyalty.models import Movement
from apps.loyalty.services import the_programme
from apps.loyalty.watch.base import Detector
from apps.review import kinds


def look(movement_id: int) -> None:
    """What the detectors say of a stamp, each once however often it is looked at."""
    stamps = Movement.objects.select_related("card__contact")
    stamp = stamps.filter(pk=movement_id, undone_by=None).first()
    if stamp is None:
        return
    programme = the_programme()
    for kind in kinds.every().values():
        if isinstance(kind, Detector):
            kind.look(stamp, programme)
