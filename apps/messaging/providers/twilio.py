"""SMS and WhatsApp through Twilio's official SDK."""

import json
import logging
import re
from base64 import b64encode
from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from requests.certs import where
from requests.utils import select_proxy
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http import HttpClient as BaseHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from urllib3 import PoolManager, ProxyManager, Timeout
from urllib3.exceptions import HTTPError

from apps.core.outgoing import retry_after
from apps.messaging.models import Status
from apps.messaging.providers.base import (
    NEVER_CAME,
    Account,
    Capabilities,
    DeliveryFailed,
    DeliveryUncertain,
    Outgoing,
    Receipt,
    network_failure,
)
from apps.messaging.providers.urls import status_url
from apps.messaging.reasons import OWN

logger = logging.getLogger(__name__)
Timeouts = tuple[int, int]
TIMEOUTS: Timeouts = (5, 15)  # to connect, to answer; both within a job's minute

# https://www.twilio.com/docs/api/errors
TRY_AGAIN = frozenset({20429, 20503, 30001, 30003, 63012, 63018})
# Unpaid, suspended, refused; 401 and 403 when no code came with them.
ACCOUNT = frozenset({401, 403, 10001, 10002, 20003, 20005, 30002, 63001, 63020, 63051})
SENDER = frozenset({21212, 21606, 21659, 21660, 63007})  # the sender is not ours: all would fail
TOO_MANY_REQUESTS, UNAVAILABLE = 429, 503
# What the SDK raises over a half answer or one of another shape.
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError)
CONNECTIONS = 32
ACCOUNTS = 8  # shops' own, whose connections a process keeps
CLOCK_SLACK = timedelta(minutes=1)
LISTED = 50  # a page: more to one number since then, and nothing can be told

STATUSES = {
    "accepted": Status.SENT,
    "scheduled": Status.SENT,
    "queued": Status.SENT,
    "sending": Status.SENT,
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "read": Status.DELIVERED,
    "undelivered": Status.FAILED,
    "failed": Status.FAILED,
    "canceled": Status.FAILED,
}


class HttpClient(BaseHttpClient):
    """Goes to ``TWILIO_API_URL`` and says what the SDK's exceptions do not: did it leave?

    By urllib3 itself: what requests puts around it is half of what an SMS costs.
    """

    def __init__(self, timeouts: Timeouts | None = None) -> None:
        super().__init__(logger, is_async=False)
        self.timeouts = timeouts
        self.connections = _connections()

    def close(self) -> None:
        """Let go of the kept connections."""
        self.connections.clear()

    def request(
        self,
        method: str,
        uri: str,
        *,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        auth: Any = None,
        **_: Any,
    ) -> Response:
        connect, read = self.timeouts or TIMEOUTS
        is_json = headers.get("Content-Type") == "application/json"
        form = urlencode(data, doseq=True) if data else None
        known = b64encode(":".join(auth).encode()).decode()
        try:
            answer = self.connections.urlopen(
                method,
                _there(uri) + (f"?{urlencode(params)}" if params else ""),
                body=json.dumps(data) if is_json else form,
                headers={**headers, "Authorization": f"Basic {known}"},
                timeout=Timeout(connect=connect, read=read),
                redirect=False,
            )
        except HTTPError as error:
            raise network_failure(error) from error
        if answer.status == TOO_MANY_REQUESTS:
            wait = retry_after(answer.headers.get("Retry-After"))
            raise DeliveryFailed("20429", retry_after=wait)
        if answer.status == UNAVAILABLE:
            raise DeliveryFailed("20503")
        if answer.status >= 500:
            raise DeliveryUncertain("no_answer")
        return Response(answer.status, answer.data.decode(errors="replace"), answer.headers)


def _connections() -> PoolManager:
    """As many kept as a drain has threads, by the proxy and with the certificates that the
    surroundings name."""
    there = settings.TWILIO_API_URL
    around = requests.Session().merge_environment_settings(there, {}, None, None, None)
    kept: dict[str, Any] = {
        "maxsize": CONNECTIONS,
        "retries": False,
        "ca_certs": where() if around["verify"] is True else around["verify"],
    }
    if proxy := select_proxy(there, around["proxies"]):
        return ProxyManager(proxy, proxy_headers=HTTPAdapter().proxy_headers(proxy), **kept)
    return PoolManager(**kept)


def _there(uri: str) -> str:
    """Where the settings have what the SDK calls ``uri``."""
    wanted = urlsplit(uri)
    if wanted.path.startswith("/v1/Content"):
        base = urlsplit(settings.TWILIO_CONTENT_URL)
    else:
        base = urlsplit(settings.TWILIO_API_URL)
    # « messaging.twilio.com » stands beside « api.twilio.com »; a stand-in is all in one.
    product = wanted.netloc.partition(".")[0]
    host = re.sub(r"^api\.", f"{product}.", base.netloc)
    return urlunsplit(wanted._replace(scheme=base.scheme, netloc=host))


class Twilio:
    name = "twilio"
    line = ""  # how Twilio writes a number of another channel

    def __init__(self) -> None:
        # A number or a service hears answers; a name does not.
        self.can = Capabilities(receives_replies=bool(settings.TWILIO_SENDER), paid=True)
        self._client = client_of(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN)
        self._own: OrderedDict[Account, Client] = OrderedDict()
        self._lock = Lock()

    def _client_for(self, account: Account | None) -> Client:
        """The platform's, or the shop's own; those longest unused and outdated are closed.

        Without its keys it refuses everything: ``DeliveryFailed``.
        """
        if account is None:
            return self._client
        if not account.token:
            raise DeliveryFailed(f"{OWN}20003", quota=True)
        with self._lock:
            found = self._own.pop(account, None)
            if found is None:
                found = client_of(account.sid, account.token)
                for old in [known for known in self._own if known.sid == account.sid]:
                    self._own.pop(old).http_client.close()
            self._own[account] = found
            if len(self._own) > ACCOUNTS:
                self._own.popitem(last=False)[1].http_client.close()
            return found

    def send(self, message: Outgoing) -> Receipt:
        account = message.account
        service = message.sender.startswith("MG")
        origin = (
            {"messaging_service_sid": message.sender}
            if service
            else {"from_": f"{self.line}{message.sender}"}
        )
        try:
            made = self._client_for(account).messages.create(
                to=f"{self.line}{message.to}",
                **_words(message),
                status_callback=status_url(message.shop_token, message.attempt),
                **origin,
            )
            return Receipt(str(made.sid), STATUSES.get(str(made.status), Status.SENT))
        except TwilioRestException as error:
            raise failure(error.code, own=account is not None) from error
        except (TwilioException, *UNREADABLE) as error:
            # An answer that broke off or cannot be read: Twilio may well have taken it.
            raise DeliveryUncertain("no_answer") from error

    def look_up(self, message: Outgoing, since: datetime) -> Receipt | DeliveryFailed | None:
        """Twilio keeps no name of ours: the same text to the same number since then is it.

        Not asked for by ``DateSent``: what waits at Twilio has none yet and would not be listed.
        """
        try:
            client, to = self._client_for(message.account), f"{self.line}{message.to}"
            listed = client.messages.list(to=to, limit=LISTED)
            # What was sent by a template may be listed without its words.
            said = {message.body, *(("", None) if self.line else ())}
            found = [m for m in listed if m.body in said and m.date_created >= since - CLOCK_SLACK]
        except (TwilioException, DeliveryFailed, DeliveryUncertain, *UNREADABLE):
            return None
        if not found and len(listed) < LISTED:
            return NEVER_CAME
        if len(found) != 1:
            return None
        return Receipt(str(found[0].sid), STATUSES.get(str(found[0].status), Status.SENT))


class TwilioWhatsApp(Twilio):
    line = "whatsapp:"

    def __init__(self) -> None:
        super().__init__()
        self.can = Capabilities(receives_replies=True, paid=True)


def _words(message: Outgoing) -> dict[str, str]:
    if message.content is None:
        return {"body": message.body}
    content = message.content
    return {"content_sid": content.reference, "content_variables": content.variables}


def client_of(sid: str, token: str, timeouts: Timeouts | None = None) -> Client:
    return Client(sid, token, http_client=HttpClient(timeouts))


def failure(code: int | str | None, *, own: bool = False) -> DeliveryFailed:
    """Twilio's error code, from an answer or a callback, in our words.

    ``own``: of a shop's own account, which its owner alone can put in order.
    """
    number = int(code) if code and str(code).isdecimal() else 0
    all_fail = number in ACCOUNT | SENDER
    return DeliveryFailed(
        f"{OWN if own and all_fail else ''}{number or 'refused'}",
        permanent=number not in TRY_AGAIN and not all_fail,
        quota=all_fail,
    )
