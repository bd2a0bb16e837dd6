"""Colours of the style sheet where CSS cannot give them: in the manifest and in `<meta>`.

Both want plain sRGB. The matrices are those of Björn Ottosson's Oklab.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians, sin

# `--bg` of tokens.css: lightness and chroma. A test compares.
_LIGHT = (0.984, 0.004)
_DARK = (0.165, 0.011)


@dataclass(frozen=True, slots=True)
class Grounds:
    """What lies behind a page and its bar, in light and dark, like `#f8fafd`."""

    light: str
    dark: str


@lru_cache(maxsize=8)
def grounds(hue: int) -> Grounds:
    """Return the grounds of a site whose accent has this `hue`, in degrees."""
    return Grounds(_hex(*_LIGHT, hue), _hex(*_DARK, hue))


def _hex(lightness: float, chroma: float, hue: int) -> str:
    a, b = chroma * cos(radians(hue)), chroma * sin(radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    channels = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{_byte(channel):02x}" for channel in channels)


def _byte(channel: float) -> int:
    channel = min(1.0, max(0.0, channel))
    curved = 12.92 * channel if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055
    return round(curved * 255)
