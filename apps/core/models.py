"""What the platform itself keeps: rate counters, and Django's cache table."""

from django.db import models


class RateCounter(models.Model):
    """How often something happened in a window; counted by one atomic upsert."""

    key = models.CharField(max_length=64, primary_key=True)  # a keyed hash: no address inside
    ends_at = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.key[:8]


class CacheRow(models.Model):
    """The table of Django's database cache, so that it is made with all the others."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "core_cache"

    def __str__(self) -> str:
        return self.cache_key
