"""The application's settings with another link to the database: what the row ``links`` compares."""

import os

from config.settings import *  # noqa: F403
from config.settings import DATABASES

# As Django brings it: kept or not, asked ``SELECT 1`` or not, never worn.
_STOCK = {"ENGINE": "tests.bench.asked", "CONN_HEALTH_CHECKS": False}
LINKS = {
    "ours": {},
    "new each time": {**_STOCK, "CONN_MAX_AGE": 0},
    "kept, asked": {**_STOCK, "CONN_HEALTH_CHECKS": True},
    "kept, not asked": _STOCK,
    "pool": {**_STOCK, "CONN_MAX_AGE": 0},
    "pool, asked": {**_STOCK, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True},
    "PgBouncer, session": {},
    "PgBouncer, transaction": {},
}
_NAME = os.environ["LINK"]
DATABASES["default"] |= LINKS[_NAME]
if _NAME.startswith("pool"):
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 4, "max_size": 4}
