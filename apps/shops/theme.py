"""A shop's colour, made readable: text on it and as text keeps 4.5:1 in light and dark."""

import colorsys
import hashlib
from functools import lru_cache

PAPERS = {"light": ("#faf6ef", "#fffdf9"), "dark": ("#191413", "#221b1a")}
LIGHT_INK, DARK_INK = "#fff8f2", "#231a17"
READABLE = 4.5  # WCAG 2.1 AA, contrast of text


def _rgb(colour: str) -> tuple[float, float, float]:
    r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return r, g, b


def _hex(rgb: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(max(0, min(1, part)) * 255):02x}" for part in rgb)


def _luminance(colour: str) -> float:
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in _rgb(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    """The WCAG contrast ratio of two ``#rrggbb`` colours, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _with_lightness(colour: str, lightness: float) -> str:
    hue, _, saturation = colorsys.rgb_to_hls(*_rgb(colour))
    return _hex(colorsys.hls_to_rgb(hue, lightness, saturation))


def mixed(one: str, other: str, share: float) -> str:
    """``share`` of ``one`` in ``other``."""
    a, b = _rgb(one), _rgb(other)
    return _hex(
        (
            a[0] * share + b[0] * (1 - share),
            a[1] * share + b[1] * (1 - share),
            a[2] * share + b[2] * (1 - share),
        )
    )


def ink_on(accent: str) -> str:
    """The ink to write on ``accent`` with at least 4.5:1, warm where the colour allows it."""
    warm = max((LIGHT_INK, DARK_INK), key=lambda ink: contrast(ink, accent))
    if contrast(warm, accent) >= READABLE:
        return warm
    return max(("#ffffff", "#000000"), key=lambda ink: contrast(ink, accent))


def readable(accent: str, papers: tuple[str, ...], *, darker: bool) -> str:
    """``accent``, moved as little as it takes to be read as text on all of ``papers``."""
    lightness = colorsys.rgb_to_hls(*_rgb(accent))[1]
    colour = accent
    while min(contrast(colour, paper) for paper in papers) < 4.6:
        lightness += -0.02 if darker else 0.02
        if not 0 <= lightness <= 1:
            return DARK_INK if darker else LIGHT_INK
        colour = _with_lightness(accent, lightness)
    return colour


def theme_css(accent: str) -> str:
    """The shop's own stylesheet: three custom properties, in light and in dark."""
    soft_light, soft_dark = mixed(accent, "#faf6ef", 0.12), mixed(accent, "#221b1a", 0.3)
    light = readable(accent, (*PAPERS["light"], soft_light), darker=True)
    dark = readable(accent, (*PAPERS["dark"], soft_dark), darker=False)
    fixed = f"--accent:{accent};--accent-ink:{ink_on(accent)};"
    night = f"--accent-text:{dark};--accent-soft:{soft_dark}"
    return (
        f"@layer tokens{{:root{{{fixed}--accent-text:{light};--accent-soft:{soft_light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{night}}}}}"
        f"@media screen{{:root[data-theme=dark]{{{night}}}}}}}\n"
    )


@lru_cache(maxsize=1024)
def theme_digest(accent: str) -> str:
    return hashlib.sha256(theme_css(accent).encode()).hexdigest()[:12]
