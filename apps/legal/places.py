"""Where each text is found: its word in the addresses."""

from django.http import Http404

from apps.legal.models import Kind

PLACES = {
    Kind.SALES: "cgv",
    Kind.WITHDRAWAL: "retractation",
    Kind.NOTICE: "mentions-legales",
    Kind.DATA: "contrat-de-donnees",
}
PUBLIC = (Kind.SALES, Kind.WITHDRAWAL, Kind.NOTICE)


def place_of(kind: Kind | str) -> str:
    return PLACES[Kind(kind)]


def kind_at(place: str) -> Kind:
    """Raises ``Http404``."""
    for kind, here in PLACES.items():
        if here == place:
            return kind
    raise Http404
