import pytest
from django.db import transaction

from apps.shops.models import Shop
from tests.invoicing.writing import FACTS, settle_in
from tests.peers.bookkeeping.lexware import lexware as lexware_peer
from tests.peers.bookkeeping.pennylane import CLIENT, SECRET
from tests.peers.bookkeeping.pennylane import pennylane as pennylane_peer


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


@pytest.fixture
def lexware(settings):
    """Lexware Office on this machine; nobody counts how fast one asks."""
    with lexware_peer() as program:
        settings.LEXWARE_URL, settings.LEXWARE_RATE = program.url, (10_000, 1)
        yield program


@pytest.fixture
def pennylane(settings):
    """Pennylane on this machine; nobody counts how fast one asks."""
    with pennylane_peer() as program:
        settings.PENNYLANE_URL, settings.PENNYLANE_RATE = program.peer.url, (10_000, 1)
        settings.PENNYLANE_CLIENT_ID, settings.PENNYLANE_CLIENT_SECRET = CLIENT, SECRET
        yield program
