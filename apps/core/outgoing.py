"""What an answer from outside, or its absence, says of a request of ours."""

import requests
import urllib3

_BEFORE_ANYTHING_LEFT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NameResolutionError,
    urllib3.exceptions.SSLError,
)


def never_left(error: requests.RequestException | urllib3.exceptions.HTTPError) -> bool:
    """Whether a request broke before anything was sent: it may be made again. After that it may
    not, unless somebody says that it never came."""
    cause: object = error
    if isinstance(error, requests.RequestException):
        cause = error.args[0] if error.args else None
    if isinstance(cause, urllib3.exceptions.MaxRetryError):
        cause = cause.reason
    return isinstance(cause, _BEFORE_ANYTHING_LEFT)


def retry_after(text: str | None) -> int:
    """Seconds from a ``Retry-After`` header; zero when it is absent or a date."""
    return min(int(text), 3600) if text and text.isascii() and text.isdigit() else 0
