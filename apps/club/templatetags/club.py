"""What the shop's other pages say of its club."""

from django import template

from apps.club import showing
from apps.club.models import Member

register = template.Library()


@register.simple_tag(takes_context=True)
def club_is_open(context: template.Context) -> bool:
    """Whether there is a plan to join, or to wait for."""
    return showing.club_of(context["shop"]).is_open


@register.simple_tag(takes_context=True)
def club_memberships(context: template.Context, contact_id: int) -> list[Member]:
    """Those of a card's holder."""
    return showing.memberships(context["shop"], contact_id)
