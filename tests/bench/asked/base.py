"""What ``LINK=… asked`` connects with; a connection never wears out."""

from django.db.backends.postgresql import base

from apps.core.postgres.base import DatabaseWrapper as Ours


class DatabaseWrapper(Ours):
    is_worn = False
    is_usable = base.DatabaseWrapper.is_usable
