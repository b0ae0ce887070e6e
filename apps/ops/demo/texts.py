"""The legal texts of the demonstration: published, and again since; the contract accepted."""

from datetime import datetime, timedelta

from apps.core.actor import Actor
from apps.invoicing.seal import digest
from apps.invoicing.services import the_terms
from apps.legal.models import Kind
from apps.legal.queries import sale_terms
from apps.legal.services import agree, change_sale_terms, publish
from apps.legal.wording import missing_facts, write
from apps.shops.models import Shop

_FIRST = {
    "mediator": "Médiation du commerce de détail",
    "mediator_address": "12 rue de l’Exemple, 75008 Paris",
    "mediator_site": "https://mediateur.exemple.fr",
    "delivers": True,
    "delivery_zone": "France métropolitaine",
    "delivery_days": 7,
    "delivery_cost": "9,90 € par commande",
    "subscriptions": True,
}
_SINCE = {"delivery_cost": "9,90 €, offerts dès 150 €", "delivery_days": 5}


def publish_all(shop: Shop, *, owner: int, now: datetime) -> None:
    """Of a shop that has said what it takes."""
    by = Actor("team", owner)
    for ago, said in ((140, _FIRST), (18, _SINCE)):
        change_sale_terms(said, by=by)
        for kind in Kind:
            _put(kind, shop, by, now - timedelta(days=ago))


def _put(kind: Kind, shop: Shop, by: Actor, at: datetime) -> None:
    terms, own = the_terms(), sale_terms()
    if missing_facts(kind, shop, terms, own):
        return
    read = digest(write(kind, shop, terms, own))
    if kind == Kind.DATA:
        agree(read=read, by=by, now=at)
    else:
        publish(kind, read=read, by=by, now=at)
