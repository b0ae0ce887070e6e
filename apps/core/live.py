"""What moves by itself: a page asks whether what it shows has changed, and only then for itself.

``config/live.py`` names what can be followed, and the function that tells its version: any text
that is another one after each change, read by one small statement. A page carries the version it
shows and a signed address (``{% follows %}``); whoever holds that address may ask, and learns only
that something has changed.
"""

from django.core.signing import BadSignature, Signer
from django.db import ProgrammingError
from django.utils.module_loading import import_string

from apps.core.tenancy import current_schema, in_schema
from config.live import FOLLOWED

PATH = "/vivant/"
_signer = Signer(salt="live")


class NothingToFollow(LookupError):
    """No page of ours has made this address, or its shop is no more."""


def address(what: str, of: int = 0) -> str:
    """Where to ask for news of ``what`` (a name of ``config/live.py``) number ``of``."""
    assert what in FOLLOWED
    return PATH + _signer.sign(f"{current_schema()}.{what}.{of}")


def version(key: str) -> str:
    """What ``address`` (without ``PATH``) stands at now. Raises ``NothingToFollow``."""
    try:
        schema, what, of = _signer.unsign(key).split(".")
        with in_schema(schema):
            told: str = import_string(FOLLOWED[what])(int(of))
    except (BadSignature, ProgrammingError) as error:
        raise NothingToFollow() from error
    return told
