"""Bars drawn on the server: whole-number geometry for an SVG template, no library."""

from dataclasses import dataclass

from apps.analytics.queries import Week
from apps.core.templatetags.french import jour_court


@dataclass(frozen=True, slots=True)
class Bar:
    x: int
    y: int
    width: int
    height: int
    middle: int
    value: int
    label: str  # under the axis; empty where it would not fit
    last: bool


@dataclass(frozen=True, slots=True)
class Tick:
    y: int
    value: int


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


def bars(weeks: tuple[Week, ...], *, width: int, height: int, labels: int) -> Chart:
    """A chart of ``weeks`` with ``labels`` dates under it: first, last, and evenly between."""
    left, top, bottom = 34, 26, 24
    base = height - bottom
    most = max((week.visits for week in weeks), default=0)
    step = nice_step(most)
    count = max(1, -(-most // step))
    scale = (base - top) / (step * count)
    pitch = (width - left) / max(1, len(weeks))
    shown = {round(i * (len(weeks) - 1) / (labels - 1)) for i in range(labels)}
    drawn = []
    for index, week in enumerate(weeks):
        # What is not nothing is seen: at least two pixels.
        tall = max(2, round(week.visits * scale)) if week.visits else 0
        x, wide = round(left + index * pitch + pitch * 0.14), round(pitch * 0.72)
        drawn.append(
            Bar(
                x=x,
                y=base - tall,
                width=wide,
                height=tall,
                middle=x + wide // 2,
                value=week.visits,
                label=jour_court(week.start) if index in shown else "",
                last=index == len(weeks) - 1,
            )
        )
    ticks = tuple(Tick(base - round(n * step * scale), n * step) for n in range(count + 1))
    return Chart(width, height, left, base, tuple(drawn), ticks)
