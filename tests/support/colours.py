"""Colours of the style sheets as light: OKLCH to linear sRGB, and the contrast of WCAG 2.2.

The matrices are those of Björn Ottosson's Oklab, the formula of contrast that of WCAG 2.2 (relative
luminance). A colour beyond sRGB is either cut off channel by channel, as browsers do on most
screens, or loses chroma until it fits, as CSS Color 4 asks; `cut` chooses.
"""

from __future__ import annotations

from math import cos, radians, sin

Light = tuple[float, float, float]
WHITE: Light = (1.0, 1.0, 1.0)


def oklch(lightness: float, chroma: float, hue: float, *, cut: bool) -> Light:
    """Return a colour of CSS as a screen of 8 bits a channel shows it, in linear sRGB."""
    if not cut:
        low, high = 0.0, chroma
        for _ in range(30):
            middle = (low + high) / 2
            if _fits(_linear(lightness, middle, hue)):
                low = middle
            else:
                high = middle
        chroma = chroma if _fits(_linear(lightness, chroma, hue)) else low
    return _shown(_linear(lightness, chroma, hue))


def mix(share: float, colour: Light, other: Light) -> Light:
    """Return `color-mix(in oklab, colour share, other)`."""
    pairs = zip(_oklab(colour), _oklab(other), strict=True)
    return _shown(_from_oklab(*(one * share + two * (1 - share) for one, two in pairs)))


def contrast(one: Light, other: Light) -> float:
    """Return the contrast of two colours, 1 to 21."""
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(light: Light) -> float:
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]


def _linear(lightness: float, chroma: float, hue: float) -> Light:
    angle = radians(hue)
    return _from_oklab(lightness, chroma * cos(angle), chroma * sin(angle))


def _from_oklab(lightness: float, a: float, b: float) -> Light:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _oklab(light: Light) -> Light:
    red, green, blue = light
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _fits(light: Light) -> bool:
    return all(-1e-4 <= channel <= 1 + 1e-4 for channel in light)


def _shown(light: Light) -> Light:
    red, green, blue = (_of_byte(_to_byte(channel)) for channel in light)
    return red, green, blue


def _to_byte(channel: float) -> int:
    channel = min(1.0, max(0.0, channel))
    curved = 12.92 * channel if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055
    return round(curved * 255)


def _of_byte(byte: int) -> float:
    curved = byte / 255
    linear: float = curved / 12.92 if curved <= 0.04045 else ((curved + 0.055) / 1.055) ** 2.4
    return linear
