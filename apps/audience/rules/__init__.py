"""The criteria by which a shop chooses people, as the screen offers them: by what they speak of."""

from django.utils.translation import gettext_lazy as _

from apps.audience.rules import buying, people, rewards, visits
from apps.audience.rules.base import Moment, Rule, Words, WrongCriteria, listed, years_before

FAMILIES: tuple[tuple[Words, tuple[type[Rule], ...]], ...] = (
    (_("Leurs visites"), (visits.Seen, visits.Unseen, visits.Rhythm, visits.Visits)),
    (_("Leurs achats"), (buying.Spent, buying.Colours, buying.Regions, buying.Brands)),
    (_("Leur carte"), (rewards.RewardReady, rewards.NearReward)),
    (
        _("Qui ils sont"),
        (people.Tags, people.Birthday, people.Age, people.PostCode, people.PhoneFrom),
    ),
    (
        _("Inscription et accord"),
        (people.Newcomers, people.Enrolled, people.Entrance, people.Reachable),
    ),
)
RULES = tuple(rule for _family, rules in FAMILIES for rule in rules)
BY_KEY = {rule.key: rule for rule in RULES}

__all__ = [
    "BY_KEY",
    "FAMILIES",
    "RULES",
    "Moment",
    "Rule",
    "WrongCriteria",
    "listed",
    "years_before",
]
