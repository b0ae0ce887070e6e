"""The criteria by which a shop chooses people; this list is what the screen offers, in order."""

from apps.audience.rules import buying, people, rewards, visits
from apps.audience.rules.base import Moment, Rule, WrongCriteria, listed, years_before

RULES: tuple[type[Rule], ...] = (
    people.Tags,
    visits.Seen,
    visits.Unseen,
    visits.Rhythm,
    visits.Visits,
    buying.Spent,
    buying.Colours,
    buying.Regions,
    buying.Brands,
    rewards.RewardReady,
    rewards.NearReward,
    people.Birthday,
    people.Age,
    people.PostCode,
    people.PhoneFrom,
    people.Entrance,
    people.Newcomers,
    people.Enrolled,
    people.Reachable,
)
BY_KEY = {rule.key: rule for rule in RULES}

__all__ = ["BY_KEY", "RULES", "Moment", "Rule", "WrongCriteria", "listed", "years_before"]
