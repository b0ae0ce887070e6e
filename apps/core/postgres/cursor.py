"""A transaction's BEGIN travels with its first statement: one message fewer to the server."""

from typing import Any

from psycopg import ClientCursor
from psycopg.pq import TransactionStatus

_BEGIN = "BEGIN; "


class Cursor(ClientCursor[Any]):
    """psycopg sends BEGIN as a message of its own, unless it believes that the connection is in
    autocommit. Here it believes so, from the first statement to the end of the transaction.

    COPY, ``executemany`` and whatever is no plain text begin as psycopg does.
    """

    def execute(self, query: Any, params: Any = None, **how: Any) -> Any:
        link = self.connection
        begins = (
            not link.autocommit
            and isinstance(query, str)
            and link.info.transaction_status == TransactionStatus.IDLE
        )
        if not begins:
            return super().execute(query, params, **how)
        link.autocommit = True
        try:
            super().execute(_BEGIN + query, params, **how)
        finally:
            # It did not begin: a statement that cannot be read takes BEGIN with it.
            if link.info.transaction_status == TransactionStatus.IDLE:
                link.autocommit = False
        self.nextset()
        return self
