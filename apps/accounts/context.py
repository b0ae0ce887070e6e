"""What team templates know of the person who is signed in."""

from typing import Any

from django.http import HttpRequest

from apps.core.roles import Right


def member(request: HttpRequest) -> dict[str, Any]:
    """``may`` maps each right's name to whether the person has it in this shop."""
    membership = getattr(request, "membership", None)
    if not membership:
        return {"membership": None, "may": {}}
    return {"membership": membership, "may": {r.value: membership.may(r) for r in Right}}
