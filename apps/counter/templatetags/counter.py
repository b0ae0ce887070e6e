"""What the counter's pages say of the phone they are opened on."""

from django import template
from django.urls import reverse
from django.utils import timezone

from apps.counter import icon
from apps.counter.passes import write_pass

register = template.Library()


@register.simple_tag(takes_context=True)
def counter_pass(context: template.Context) -> str:
    """What the phone keeps to say later who did something."""
    who = context["membership"]
    return write_pass(who.user_id, who.device, timezone.now())


@register.simple_tag(takes_context=True)
def counter_icon(context: template.Context) -> str:
    """Where the icon for an iPhone's home screen is fetched."""
    return reverse("counter-icon", args=[icon.digest(context["shop"]), icon.SIZES[0]])
