"""What passes that come from a backup may still do.

Under its own name the shop is itself again: its phones know it, and ask when they are next told.
A copy tells nobody: the phones in people's pockets, and what Google keeps, are the original's.
"""

from apps.wallet.models import Device, GoogleObject


def rest(using: str, *, is_copy: bool) -> None:
    """In the current schema of ``using``: nothing that waited is told."""
    for followers in (Device.objects.using(using), GoogleObject.objects.using(using)):
        if is_copy:
            followers.all().delete()
        else:
            followers.exclude(due_at=None).update(due_at=None, hurried=False)
