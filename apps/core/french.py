"""French typography for screens and e-mails; never for an SMS, where it costs segments."""

import re
import unicodedata

_BEFORE_COLON = re.compile(r" (:)(?=\s|$)")
_OPEN, _CLOSE = re.compile(r"« "), re.compile(r" »")


def spaced(text: str) -> str:
    """U+202F before ``; ! ?``, U+00A0 before ``:`` and inside « » (french-rules §8)."""
    text = re.sub(r"(?<=[^\s;!?\u202f]) ?(?=[;!?](?:\s|$|[»)<]))", "\u202f", text)
    text = _BEFORE_COLON.sub("\u00a0\\1", text)
    return _CLOSE.sub("\u00a0»", _OPEN.sub("«\u00a0", text))


def search_key(text: str) -> str:
    """Lower case without accents or punctuation: what a person types to find « Hélène »."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe").replace("æ", "ae"))
    kept = "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c))
    return " ".join(kept.split())
