"""Imports that come from a backup: their job is gone."""

from apps.imports.models import ImportRun, ImportState


def rest(using: str) -> None:
    """What was running waits for a hand again: started anew, it goes on behind its last line."""
    runs = ImportRun.objects.using(using).filter(state=ImportState.RUNNING)
    runs.update(state=ImportState.DRAFT)
