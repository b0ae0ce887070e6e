"""What the team's menu knows of the list."""

from functools import cache
from typing import Any

from django.http import HttpRequest

from apps.review.queries import how_many


def to_review(request: HttpRequest) -> dict[str, Any]:
    """``to_review``: how many lines wait, asked once and only where a template does."""
    return {"to_review": cache(how_many)}
