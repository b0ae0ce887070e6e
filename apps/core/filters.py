"""A list's filter, read from the address bar."""

from typing import Any, ClassVar

from django import forms


class Filter(forms.Form):
    """What is unreadable is left out, never an error page."""

    narrows: ClassVar[tuple[str, ...]]  # the fields that, filled in, leave lines out

    def told(self, name: str) -> Any:
        """What was asked there, as its field reads it; None when nothing that can be read."""
        self.is_valid()
        return self.cleaned_data.get(name)

    def said(self, name: str) -> str:
        """The same as text; empty when nothing."""
        return str(self.told(name) or "")

    @property
    def active(self) -> bool:
        return any(map(self.said, self.narrows))
