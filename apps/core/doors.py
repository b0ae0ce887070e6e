"""Who may come in: every view says so on itself, and without a word it is closed.

``@door(Right.COUNTER)`` needs that right in the shop of the host, ``@signed_in`` a sign-in,
``@public`` nothing, ``@customers`` nothing and speaks the visitor's language.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from apps.core.roles import Right

View = TypeVar("View", bound=Callable[..., Any])


def door(right: Right) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.door = right  # type: ignore[attr-defined]
        return view

    return mark


def signed_in(view: View) -> View:
    view.door = "signed_in"  # type: ignore[attr-defined]
    return view


def public(view: View) -> View:
    view.door = "public"  # type: ignore[attr-defined]
    return view


def customers(view: View) -> View:
    view.door = "public"  # type: ignore[attr-defined]
    view.for_customers = True  # type: ignore[attr-defined]
    return view


def only_reads(view: View) -> View:
    """What is posted here changes nothing of the shop's own: an export, for example."""
    view.only_reads = True  # type: ignore[attr-defined]
    return view


def takes(max_bytes: int) -> Callable[[View], View]:
    """The most a request to this view may weigh; more is refused before it is read (413)."""

    def mark(view: View) -> View:
        view.max_bytes = max_bytes  # type: ignore[attr-defined]
        return view

    return mark
