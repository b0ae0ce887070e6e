"""Bars drawn on the server: whole-number geometry for an SVG template, no library."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apps.core.templatetags.french import nombre


@dataclass(frozen=True, slots=True)
class Point:
    """A bar's value, and its name under the axis."""

    value: int
    name: str


@dataclass(frozen=True, slots=True)
class Bar:
    x: int
    y: int
    width: int
    height: int
    middle: int
    said: str
    said_at: int  # where the value is written: over the bar, and within the chart
    label: str  # under the axis; empty where it would not fit
    last: bool


@dataclass(frozen=True, slots=True)
class Tick:
    y: int
    value: int
    said: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Pixels of a ``width`` × ``height`` view box; the axis starts at ``left``."""

    width: int
    height: int
    left: int
    base: int
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]


def nice_step(top: int) -> int:
    """The round step (1, 2, 5 × 10ⁿ) that covers ``top`` in at most four."""
    step = 1
    while step * 4 < top:
        leading = int(str(step)[0])
        step = step * 5 // 2 if leading == 2 else step * 2
    return step


def bars(
    points: Sequence[Point],
    *,
    width: int,
    height: int,
    labels: int,
    left: int = 34,
    say: Callable[[int], str] = nombre,
) -> Chart:
    """A chart of ``points`` with ``labels`` names under it: first, last, and evenly between.

    ``say`` writes a value; the axis has ``left`` pixels for it.
    """
    top, bottom = 26, 24
    base = height - bottom
    most = max((point.value for point in points), default=0)
    step = nice_step(most)
    count = max(1, -(-most // step))
    scale = (base - top) / (step * count)
    pitch = (width - left) / max(1, len(points))
    shown = {round(i * (len(points) - 1) / (labels - 1)) for i in range(labels)}
    drawn = []
    for index, point in enumerate(points):
        # What is not nothing is seen: at least two pixels.
        tall = max(2, round(point.value * scale)) if point.value else 0
        x, wide = round(left + index * pitch + pitch * 0.14), round(pitch * 0.72)
        said = say(point.value)
        drawn.append(
            Bar(
                x=x,
                y=base - tall,
                width=wide,
                height=tall,
                middle=x + wide // 2,
                said=said,
                said_at=min(x + wide // 2, round(width - 3.8 * len(said))),
                label=point.name if index in shown else "",
                last=index == len(points) - 1,
            )
        )
    values = [n * step for n in range(count + 1)]
    ticks = tuple(Tick(base - round(value * scale), value, say(value)) for value in values)
    return Chart(width, height, left, base, tuple(drawn), ticks)
