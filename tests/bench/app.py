"""The application as it is served, with a job after each stamp.

Today nobody reacts to a stamp; the bench counts the job that a wallet or a trigger will ask for.
"""

from config.reactions import REACTIONS

REACTIONS["apps.loyalty.facts.StampAdded"] = ("tests.bench.app.heard",)


def heard(card_id: int, movement_id: int) -> None:
    """Nothing: the bench measures what it costs to ask for it."""


from config.wsgi import application  # noqa: E402, F401
