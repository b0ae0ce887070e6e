"""How many passes there are, for the owner."""

from dataclasses import dataclass

from apps.wallet.models import Device, Pass


@dataclass(frozen=True, slots=True)
class Pockets:
    """``held``: passes that a phone holds now; ``issued``: ever handed out."""

    issued: int
    held: int
    phones: int


def in_pockets() -> Pockets:
    held = Pass.objects.filter(registrations__isnull=False).distinct().count()
    return Pockets(Pass.objects.count(), held, Device.objects.count())
