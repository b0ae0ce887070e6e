"""Comptoir's settings, for a version whose loyalty room has more migrations (``LATER``)."""

import os

from config.settings import *  # noqa: F403

MIGRATION_MODULES = {"loyalty": f"tests.shops.later.{os.environ['LATER']}"}
