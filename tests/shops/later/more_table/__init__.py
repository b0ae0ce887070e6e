from tests.shops.later import more_index

__path__ = [*__path__, *more_index.__path__]
