import pytest
from django.db import connection, transaction

from apps.legal.services import change_sale_terms
from apps.shops.models import Shop
from tests.invoicing.writing import FACTS, OWNER, settle_in

REACHED = {"phone": "+33380220000", "publisher": "Hélène Martin", "sells_alcohol": True}
MEDIATOR = {"mediator": "Médiation du commerce", "mediator_address": "12 rue de l’Exemple, Paris"}


def _says_all(shop):
    settle_in()
    Shop.objects.filter(pk=shop.pk).update(**REACHED)
    change_sale_terms(MEDIATOR, by=OWNER)


@pytest.fixture
def seller(shop):
    """A shop whose settings say all its texts ask."""
    _says_all(shop)
    connection.set_tenant(Shop.objects.get(pk=shop.pk))
    return connection.tenant


@pytest.fixture
def sellers(committed, shop):
    """``committed`` in such a shop; its row, which is not of its schema, is put back after."""
    before = {name: getattr(shop, name) for name in (*FACTS, *REACHED, "texts")}

    def begin(_):
        with transaction.atomic():
            _says_all(shop)

    committed(begin, None)
    yield committed
    committed(lambda _: Shop.objects.filter(pk=shop.pk).update(**before), None)
