"""Speed, measured beside a yardstick of the same run: ``make bench``."""
