import pytest
from django.db import transaction

from apps.shops.models import Shop
from tests.invoicing.writing import FACTS, settle_in


@pytest.fixture
def seller(shop):
    """The wine merchant, whose settings say all that an invoice must."""
    return settle_in()


@pytest.fixture
def tills(committed, shop):
    """``committed`` in a shop that may issue invoices; its row, which is not of its schema, is put
    back after."""
    before = {name: getattr(shop, name) for name in FACTS}

    def begin(_):
        with transaction.atomic():
            settle_in()

    committed(begin, None)
    yield committed
    committed(lambda _: Shop.objects.filter(pk=shop.pk).update(**before), None)
