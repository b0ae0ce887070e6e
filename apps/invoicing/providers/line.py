"""The line to a bookkeeping program: at its pace, with short waits, and never further than the one
host the settings name."""

import time
from collections.abc import Callable
from typing import Any, Protocol

import requests

from apps.core.outgoing import never_left, retry_after
from apps.invoicing.providers.base import Later, Refused, ShutOut, Uncertain

PATIENCE = (3, 12)  # seconds to connect, to answer; a few of them within a job's minute
LONGEST_TURN = 5.0  # whoever would stand longer in the line comes back
DOWN = 60.0  # seconds; they are not there, or not well
TOO_MANY, NOT_LET_IN = 429, 401
NOT_ENOUGH = frozenset({402, 403})  # not paid for, or not allowed to do this
Thing = dict[str, Any]


class Access(Protocol):
    """What opens the door; asked for at each request, since it may have been renewed."""

    def token(self) -> str: ...

    def renew(self, refused: str) -> None:
        """``refused`` opens no more. Raises ``ShutOut``, ``Later``."""


class Line:
    """``turn`` takes a place in the line and tells in how many seconds it is; ``explain`` reads
    why something was refused."""

    def __init__(
        self,
        url: str,
        access: Access,
        turn: Callable[[], float],
        explain: Callable[[requests.Response], Refused],
    ) -> None:
        self.url, self.access, self.turn, self.explain = url, access, turn, explain
        self.session = requests.Session()

    def read(self, path: str, **params: str | int) -> Any:
        """What stands at ``path``; None when nothing does."""
        answer = self._ask("GET", path, params=params)
        return None if answer.status_code == 404 else _readable(answer, written=False)

    def write(self, method: str, path: str, **said: Any) -> Any:
        """``json`` or ``files``; what they answer. Raises ``Uncertain`` where they may have it."""
        answer = self._ask(method, path, **said)
        if answer.status_code == 404:
            raise self.explain(answer)
        return _readable(answer, written=True)

    def _ask(self, method: str, path: str, **said: Any) -> requests.Response:
        token = self.access.token()
        answer = self._send(method, path, token, said)
        if answer.status_code == NOT_LET_IN:  # nothing was done: once more, with a new key
            self.access.renew(token)
            answer = self._send(method, path, self.access.token(), said)
        if answer.status_code in {NOT_LET_IN, *NOT_ENOUGH}:
            raise ShutOut(str(answer.status_code))
        if answer.status_code == TOO_MANY:
            raise Later(retry_after(answer.headers.get("Retry-After")) or LONGEST_TURN)
        if 300 <= answer.status_code < 400:
            raise Later(DOWN)  # we follow nobody elsewhere
        if answer.status_code >= 500:
            raise Later(DOWN) if method == "GET" else Uncertain
        if 400 <= answer.status_code != 404:
            raise self.explain(answer)
        return answer

    def _send(self, method: str, path: str, token: str, said: dict[str, Any]) -> requests.Response:
        wait = self.turn()
        if wait > LONGEST_TURN:
            raise Later(wait)
        time.sleep(wait)
        try:
            return self.session.request(
                method,
                f"{self.url}/{path}",
                headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
                timeout=PATIENCE,
                allow_redirects=False,
                **said,
            )
        except requests.RequestException as error:
            if never_left(error) or method == "GET":
                raise Later(DOWN) from error
            raise Uncertain from error


def told(answer: requests.Response) -> Thing:
    """What an answer that refuses says; empty where that is nothing one can read."""
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def name_of(said: Any) -> str:
    """What they call what was written; an answer without it is none."""
    try:
        return str(said["id"])
    except (KeyError, TypeError) as error:
        raise Uncertain from error


def _readable(answer: requests.Response, *, written: bool) -> Any:
    if answer.status_code == 204:
        return {}
    try:
        return answer.json()
    except ValueError as error:
        raise Uncertain if written else Later(DOWN) from error
