"""Google Wallet's REST interface: classes and objects written, by a service account.

Written twice is written once, so whatever was lost is written again.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from apps.wallet.accounts import Account
from apps.wallet.providers.base import Answer, Told

PATIENCE = (3, 6)  # seconds to connect, to answer
THREADS = 12
SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EARLY = 120.0  # a token that ends so soon is not begun with

Body = dict[str, Any]

_tokens: dict[tuple[str, str], tuple[float, str]] = {}
_classes: dict[str, str] = {}  # what this process knows that Google has, by class: its digest
_own = threading.local()


class GoogleWallet:
    """``url`` writes, ``token_url`` lets in."""

    def __init__(self, url: str, token_url: str) -> None:
        self.url, self.token_url = url.rstrip("/"), token_url

    def write_class(self, account: Account, body: Body, digest: str) -> Answer:
        """Nothing is asked when this process has written the same before."""
        if _classes.get(body["id"]) == digest:
            return Answer(Told.YES)
        answer = self._write(account, "loyaltyClass", body)
        if answer.told == Told.YES:
            _classes[body["id"]] = digest
        return answer

    def write_objects(self, account: Account, bodies: Sequence[Body]) -> list[Answer]:
        """An answer for each, in their order. Threads do HTTP and nothing else."""
        with ThreadPoolExecutor(min(THREADS, len(bodies))) as pool:
            return list(pool.map(lambda body: self._write_object(account, body), bodies))

    def _write_object(self, account: Account, body: Body) -> Answer:
        answer = self._write(account, "loyaltyObject", body)
        if answer.told == Told.REFUSED and "notifyPreference" in body:
            # Google counts the day's notices too: it may know of one that a backup does not.
            silent = {name: said for name, said in body.items() if name != "notifyPreference"}
            answer = self._write(account, "loyaltyObject", silent)
        return answer

    def _write(self, account: Account, kind: str, body: Body) -> Answer:
        """Changed where it is known, made where it is not."""
        try:
            answer = self._ask(account, "PATCH", f"{kind}/{body['id']}", body)
            if answer.status_code == 404:
                answer = self._ask(account, "POST", kind, body)
                if answer.status_code == 409:  # another hand made it meanwhile
                    answer = self._ask(account, "PATCH", f"{kind}/{body['id']}", body)
        except _NotLetIn as refused:
            return refused.answer
        except requests.RequestException:
            return Answer(Told.LATER, "network")
        return self._understood(account, answer)

    def _ask(self, account: Account, method: str, path: str, body: Body) -> requests.Response:
        headers = {"Authorization": f"Bearer {self._token(account)}"}
        return _session().request(
            method, f"{self.url}/{path}", json=body, headers=headers, timeout=PATIENCE
        )

    def _understood(self, account: Account, answer: requests.Response) -> Answer:
        if answer.ok:
            return Answer(Told.YES)
        reason = str(answer.status_code)
        if answer.status_code == 401:
            _tokens.pop((self.token_url, account.email), None)
            return Answer(Told.LATER, reason)
        if answer.status_code == 429 or answer.status_code >= 500:
            return Answer(Told.LATER, reason)
        return Answer(Told.REFUSED, reason)

    def _token(self, account: Account) -> str:
        name = (self.token_url, account.email)
        ends, token = _tokens.get(name, (0.0, ""))
        if time.monotonic() > ends - EARLY:
            claims = {"scope": SCOPE, "aud": self.token_url, "exp": int(time.time()) + 3600}
            form = {"grant_type": GRANT, "assertion": account.signed(**claims)}
            answer = _session().post(self.token_url, data=form, timeout=PATIENCE)
            if not answer.ok:
                later = answer.status_code == 429 or answer.status_code >= 500
                told = Told.LATER if later else Told.REFUSED
                raise _NotLetIn(Answer(told, f"token {answer.status_code}"))
            said = answer.json()
            token = str(said["access_token"])
            _tokens[name] = (time.monotonic() + float(said["expires_in"]), token)
        return token


class _NotLetIn(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


def _session() -> requests.Session:
    """One a thread: a session is not shared."""
    if not hasattr(_own, "session"):
        _own.session = requests.Session()
    session: requests.Session = _own.session
    return session


def forget_written() -> None:
    """What Google has is not known any more."""
    _classes.clear()
    _tokens.clear()
