"""What may stand in the list « À vérifier », a sort a line: the one place where the lower room
that keeps the list is told of the rooms above."""

REVIEWS: tuple[str, ...] = (
    "apps.loyalty.watch.pace.HelperPace",
    "apps.loyalty.watch.pace.DevicePace",
    "apps.loyalty.watch.twice.TwoPhones",
    "apps.loyalty.watch.twice.OverTheRest",
    "apps.loyalty.watch.hours.OutsideHours",
    "apps.loyalty.watch.codes.CodeTwice",
    "apps.loyalty.watch.codes.LateCode",
    "apps.loyalty.watch.brought.Brought",
    "apps.counter.reviewing.LostHandOver",
)
