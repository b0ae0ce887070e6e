"""Which texts are in force, which were before, who accepted which."""

from django.db.models import Q, QuerySet

from apps.contacts.models import Contact
from apps.legal.models import Acceptance, Kind, SaleTerms, Version


def in_force(kind: Kind | str) -> Version | None:
    """The latest version that was published; None before the first."""
    return versions(kind).first()


def versions(kind: Kind | str) -> QuerySet[Version]:
    """All that were published, the latest first."""
    return Version.objects.filter(kind=kind).order_by("-number")


def latest() -> dict[str, Version]:
    """What is in force, by kind."""
    found = Version.objects.order_by("kind", "-number").distinct("kind")
    return {version.kind: version for version in found}


def sale_terms() -> SaleTerms:
    """What the shop says of its sales; one that has said nothing yet has the defaults."""
    return SaleTerms.objects.first() or SaleTerms()


def accepted_by(contact: Contact) -> QuerySet[Acceptance]:
    """What a person accepted, by this record or by one that was merged into it; the latest
    first."""
    theirs = Q(contact=contact) | Q(contact__merged_into=contact)
    return Acceptance.objects.filter(theirs).select_related("version").order_by("-at", "-pk")


def agreed() -> Acceptance | None:
    """The last time somebody accepted the data contract for the shop."""
    found = Acceptance.objects.filter(version__kind=Kind.DATA).select_related("version")
    return found.order_by("-version__number", "-pk").first()
