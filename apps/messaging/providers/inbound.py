"""Answers by mail, as Brevo's inbound parsing posts them.

https://developers.brevo.com/docs/inbound-parse-webhooks: ``items``, one for each mail.
"""

import re
from typing import Any

from django.conf import settings

from apps.contacts.models import Channel

LONGEST = 5000  # characters kept of what somebody wrote
MANY = 50  # mails in one request
_ADDRESS = re.compile(r"[^@\s<>\x00]+@[^@\s<>\x00]+")
# Where the mail that is answered begins, as mail programs write it.
_QUOTED = re.compile(
    r"^(?:>.*|-{2,}\s*(?:original message|message d.origine|forwarded message).*"
    r"|_{10,}|le .{4,80}(?:a écrit|écrit)\s*:?|on .{4,80} wrote\s*:?|de\s*:.+@.+|from\s*:.+@.+)$",
    re.IGNORECASE,
)


class Unreadable(Exception):
    """Not what Brevo posts."""


def letters(event: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """The slug of the shop each mail is for, and what was said. Raises ``Unreadable``.

    Mails of robots (out of office, lists) and those for no address of ours are left out.
    """
    items = event.get("items")
    if not isinstance(items, list) or len(items) > MANY:
        raise Unreadable
    return [found for item in items if (found := _letter(item))]


def _letter(item: Any) -> tuple[str, dict[str, str]] | None:
    if not isinstance(item, dict):
        raise Unreadable
    name, sender = _text(item, "MessageId"), _address(item.get("From"))
    if not name or not _ADDRESS.fullmatch(sender) or len(sender) > 254:
        raise Unreadable
    headers = item.get("Headers")
    slug = _slug(item)
    if not slug or _by_a_robot(headers if isinstance(headers, dict) else {}):
        return None
    written = _text(item, "ExtractedMarkdownMessage") or _text(item, "RawTextBody")
    said = {
        "sid": name[:200],
        "channel": Channel.EMAIL,
        "from": sender,
        "subject": " ".join(_text(item, "Subject").split())[:200],
        "body": own_words(written)[:LONGEST],
    }
    return slug, said


def own_words(text: str) -> str:
    """What the person wrote, without the mail it answers."""
    kept: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if _QUOTED.match(line.strip()):
            break
        if line.rstrip() == "--":  # a signature follows (RFC 3676 § 4.3)
            break
        kept.append(line.rstrip())
    return "\n".join(kept).strip()


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    return value.replace("\x00", "").strip() if isinstance(value, str) else ""


def _address(one: Any) -> str:
    return _text(one, "Address").lower() if isinstance(one, dict) else ""


def _slug(item: dict[str, Any]) -> str:
    """Which of the addresses it was sent to is a shop's, by its part before the @."""
    to: list[Any] = []
    for key in ("Recipients", "To", "Cc"):
        value = item.get(key)
        to += value if isinstance(value, list) else []
    found = [one.lower() if isinstance(one, str) else _address(one) for one in to]
    ours = f"@{settings.REPLY_DOMAIN}"
    if not settings.REPLY_DOMAIN:
        return ""
    return next((one.removesuffix(ours) for one in found if one.endswith(ours)), "")


def _by_a_robot(headers: dict[str, Any]) -> bool:
    """RFC 3834: what no person wrote is not an answer."""
    told = {str(name).lower(): str(value).lower() for name, value in headers.items()}
    if told.get("auto-submitted", "no").strip() != "no":
        return True
    return told.get("precedence", "") in {"bulk", "junk", "list", "auto_reply"}
