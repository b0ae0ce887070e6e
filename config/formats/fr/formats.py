"""French formats where Django's own differ from French habit (french-rules §8)."""

THOUSAND_SEPARATOR = "\u202f"
DATE_FORMAT = "j F Y"
SHORT_DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
FIRST_DAY_OF_WEEK = 1
