from tests.shops.later import columns

__path__ = [*__path__, *columns.__path__]
