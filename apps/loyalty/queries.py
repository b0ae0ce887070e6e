"""Reads of the counter and of the programme's page."""

from apps.loyalty.models import Programme


def programme_chosen() -> bool:
    """Whether the shop has chosen its rule (a step of the onboarding checklist)."""
    return Programme.objects.exists()
