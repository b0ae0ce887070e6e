"""Jobs for the tests of the workers."""


def nothing() -> None:
    """The cheapest job there is."""
