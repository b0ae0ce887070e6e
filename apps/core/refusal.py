"""A business rule says no: the French sentence a person reads, and the HTTP status."""

from typing import Any

from django.utils.functional import Promise


class Refusal(Exception):
    """Raised by services; ``RefusalMiddleware`` or the view turns it into a page or a line.

    Subclasses set ``message`` (a lazy French sentence, may hold ``%(name)s`` places filled
    from keyword arguments) and may set ``status`` (409 unless said otherwise).
    """

    message: str | Promise = ""
    status = 409

    def __init__(self, message: str | Promise | None = None, **values: Any) -> None:
        self.values = values
        if message is not None:
            self.message = message
        super().__init__(type(self).__name__)

    def __str__(self) -> str:
        text = str(self.message)
        return text % self.values if self.values else text
