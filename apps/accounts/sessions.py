"""Database sessions that belong to the schema of the host they were opened on."""

from typing import Any, cast

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from apps.accounts.models import Session
from apps.core.tenancy import across_shops, current_schema


class SessionStore(DatabaseStore):
    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Any:
        try:
            return Session.objects.get(
                session_key=self.session_key,
                schema=current_schema(),
                expire_date__gt=timezone.now(),
            )
        except Session.DoesNotExist:
            self._session_key = None
            return None

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session = cast(Session, super().create_model_instance(data))
        session.schema = current_schema()
        user_id = data.get("_auth_user_id")
        session.user_id = int(user_id) if user_id else None
        return session


def forget_ended_sessions() -> None:
    """Recurring: sessions past their end."""
    with across_shops():
        Session.objects.filter(expire_date__lt=timezone.now()).delete()
