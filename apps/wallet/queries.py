"""How many passes there are, for the owner."""

from dataclasses import dataclass

from apps.wallet.models import GoogleObject, Registration


@dataclass(frozen=True, slots=True)
class Pockets:
    """Passes in iPhones now, and those that Google keeps."""

    apple: int
    google: int


def in_pockets() -> Pockets:
    apple = Registration.objects.values("held").distinct().count()
    return Pockets(apple, GoogleObject.objects.count())
