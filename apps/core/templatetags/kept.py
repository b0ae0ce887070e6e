"""``{% kept %}``: parts of a page that say the same to everybody, made once in each process."""

from typing import Any

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token, token_kwargs
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()
MOST = 1000  # of one part, in all its languages and values; then it begins anew


class KeptNode(template.Node):
    def __init__(self, nodelist: NodeList, by: dict[str, FilterExpression]) -> None:
        self.nodelist, self.by = nodelist, by
        self.known: dict[tuple[Any, ...], SafeString] = {}

    def render(self, context: template.Context) -> SafeString:
        values = [value.resolve(context) for value in self.by.values()]
        key = (get_language(), *values)
        found = self.known.get(key)
        if found is None:
            if len(self.known) >= MOST:
                self.known.clear()
            # Nothing but its values is seen inside: what was not named cannot be kept.
            inside = context.new(dict(zip(self.by, values, strict=True)))
            found = self.known[key] = self.nodelist.render(inside)
        return found


@register.tag
def kept(parser: Parser, token: Token) -> KeptNode:
    """``{% kept trade=shop.trade %}…{% endkept %}``: rendered once for each language and values.

    Inside only the values named are known, and they must be a shop's or a number, never a
    person's: what is kept outlives the request.
    """
    words = token.split_contents()[1:]
    by = token_kwargs(words, parser)
    if words:
        raise template.TemplateSyntaxError("kept takes name=value, nothing else")
    nodelist = parser.parse(("endkept",))
    parser.delete_first_token()
    return KeptNode(nodelist, by)
