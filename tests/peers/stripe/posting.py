"""Events on their way: signed, posted in order, tried again until they are taken."""

import contextlib
import json
import threading
from dataclasses import dataclass

import requests
import stripe

from tests.peers.stripe.books import Books, Thing


def signed(event: Thing, secret: str, at: int | None = None) -> tuple[str, dict[str, str]]:
    """The body and the headers of one event, as Stripe posts it."""
    body = json.dumps(event)
    mark = stripe.WebhookSignature.generate_signature_header(body, secret, at)
    return body, {"Stripe-Signature": mark, "Content-Type": "application/json"}


@dataclass
class Postman:
    """Carries what is new to ``url`` until it stops; nothing is skipped."""

    books: Books
    url: str
    secret: str

    def __post_init__(self) -> None:
        self._over, self._news = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def ring(self) -> None:
        self._news.set()

    def stop(self) -> None:
        self._over.set()
        self._news.set()
        self._thread.join()

    def _carry(self) -> None:
        wait = 0.5
        while not self._over.is_set():
            self._news.clear()
            if self.books.delivered >= len(self.books.events):
                self._news.wait(1)
            elif self._post(self.books.events[self.books.delivered]):
                with self.books.changing():
                    self.books.delivered += 1
                wait = 0.5
            else:
                self._over.wait(wait)
                wait = min(wait * 2, 30)

    def _post(self, event: Thing) -> bool:
        body, headers = signed(event, self.secret)
        with contextlib.suppress(requests.RequestException):
            return requests.post(self.url, data=body, headers=headers, timeout=60).ok
        return False
