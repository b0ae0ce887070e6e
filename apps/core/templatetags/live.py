"""``{% follows "card" face.number face.version %}``: this part of the page moves by itself."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core import live

register = template.Library()


@register.simple_tag
def follows(what: str, of: int, version: str) -> SafeString:
    """Attributes for ``live.js``; the part needs an ``id``, and ``data-from`` where its page
    lives elsewhere. ``data-say`` is told when it becomes another sentence."""
    return format_html(' data-live="{}" data-version="{}"', live.address(what, of), version)
