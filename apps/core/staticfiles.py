"""Static files: hashed names, compressed, and ES modules that import each other by them."""

from typing import Any

from django.contrib.staticfiles.finders import AppDirectoriesFinder
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    support_js_module_import_aggregation = True


class AdminFiles(AppDirectoriesFinder):
    """Of what packages bring, the Django admin's files alone: nothing else of theirs is served,
    and some import each other in ways that the hashing cannot follow."""

    def __init__(self, app_names: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(["django.contrib.admin"], *args, **kwargs)
