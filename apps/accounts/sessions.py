"""Database sessions that belong to the schema of the host they were opened on."""

from typing import Any, cast

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from apps.accounts.models import Membership, Session, User
from apps.core.reading import columns, instance, one, width
from apps.core.tenancy import across_shops, current_schema

_READ = f"""
SELECT {columns(Session, "s")}, {columns(User, "u")}, {columns(Membership, "m")}
FROM public.accounts_session s
LEFT JOIN public.accounts_user u ON u.id = s.user_id
LEFT JOIN public.accounts_membership m ON m.user_id = s.user_id AND m.shop_schema = s.schema
WHERE s.session_key = %s AND s.schema = %s AND s.expire_date > %s
"""


class SessionStore(DatabaseStore):
    """One statement reads the session, whose it is, and what they are in the shop.

    ``person`` and ``membership`` are as they stood when the session was read, in this request;
    None when it has not been read, or there is none.
    """

    person: User | None = None
    membership: Membership | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Any:
        row = one(_READ, [self.session_key, current_schema(), timezone.now()])
        if row is None:
            self._session_key = None
            return None
        self.person = instance(User, row, width(Session))
        self.membership = instance(Membership, row, width(Session) + width(User))
        return instance(Session, row)

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session = cast(Session, super().create_model_instance(data))
        session.schema = current_schema()
        user_id = data.get("_auth_user_id")
        session.user_id = int(user_id) if user_id else None
        session.device = data.get("device")
        return session


def forget_ended_sessions() -> None:
    """Recurring: sessions past their end."""
    with across_shops():
        Session.objects.filter(expire_date__lt=timezone.now()).delete()
