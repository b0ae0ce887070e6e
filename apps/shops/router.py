"""Which tables belong in which schema: shared apps in public, tenant apps in each shop's."""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connections


class SchemaRouter:
    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        schema = connections[db].schema_name  # type: ignore[attr-defined]
        wanted = settings.SHARED_APPS if schema == "public" else settings.TENANT_APPS
        return apps.get_app_config(app_label).name in wanted
