"""Whose birthday it is."""

from calendar import isleap
from datetime import date

from django.db.models import Q


def born_on(day: date, path: str = "") -> Q:
    """Who has their birthday on ``day``, at ``path`` from the rows asked; who was born on
    29 February has it on the 28th in other years."""
    dates = [(day.month, day.day)]
    if dates == [(2, 28)] and not isleap(day.year):
        dates.append((2, 29))
    born, name = Q(), f"{path}birth_date"
    for month, number in dates:
        born |= Q(**{f"{name}__month": month, f"{name}__day": number})
    return born
