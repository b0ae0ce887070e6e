"""What leaves with a shop's or one person's data, a table a line: the one place where the lower
room that exports is told of the rooms above."""

EXPORTS: tuple[str, ...] = (
    "apps.audience.exporting.TABLES",
    "apps.audience.exporting_boxes.TABLES",
    "apps.campaigns.exporting.TABLES",
)
