"""Draw the icons that an installed Launcher has on a home screen.

    python -m launcher.icons.home_screen

The mark is that of `static/favicon.svg`. The same library gives the same files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).parent.parent / "static" / "app-icons"

ACCENT = "#1f5fbf"
_WHITE = "#fff"
_UNITS = 24.0  # the side of the drawing, whose shapes follow
_SQUARES = ((2.0, 2.0), (2.0, 13.0), (13.0, 13.0))
_SIDE, _ROUNDING = 9.0, 2.4
_DISC = (13.0, 2.0, 22.0, 11.0)
_FINER = 4  # drawn larger and made smaller, since Pillow draws hard edges


def draw_icons() -> Mapping[str, Image.Image]:
    """Return every icon by its file name.

    `icon` is a tile with round corners. `maskable` and `touch` fill their square, which the system
    cuts to its own shape; their mark lies within the circle that every shape leaves (W3C Web
    Application Manifest, 40 % of the side around the middle). `monochrome` is the mark alone.
    """
    return {
        **{f"icon-{side}.png": _tile(side) for side in (192, 512)},
        **{f"maskable-{side}.png": _full(side) for side in (192, 512)},
        "touch-180.png": _full(180).convert("RGB"),
        "monochrome-512.png": _shrunk(_mark(512 * _FINER, share=0.66)),
    }


def _tile(side: int) -> Image.Image:
    large, edge = side * _FINER, side * _FINER // 24
    image = Image.new("RGBA", (large, large))
    box = (edge, edge, large - edge - 1, large - edge - 1)
    ImageDraw.Draw(image).rounded_rectangle(box, radius=large * 0.2, fill=ACCENT)
    image.alpha_composite(_mark(large, share=0.62))
    return _shrunk(image)


def _full(side: int) -> Image.Image:
    image = Image.new("RGBA", (side * _FINER, side * _FINER), ACCENT)
    image.alpha_composite(_mark(side * _FINER, share=0.6))
    return _shrunk(image)


def _mark(side: int, *, share: float) -> Image.Image:
    """Return the mark in white, its drawing `share` of the side, in the middle."""
    image = Image.new("RGBA", (side, side), (255, 255, 255, 0))
    draw = ImageDraw.Draw(image)
    unit, edge = side * share / _UNITS, side * (1 - share) / 2
    for x, y in _SQUARES:
        box = [edge + unit * each for each in (x, y, x + _SIDE, y + _SIDE)]
        draw.rounded_rectangle(box, radius=unit * _ROUNDING, fill=_WHITE)
    draw.ellipse([edge + unit * each for each in _DISC], fill=_WHITE)
    return image


def _shrunk(image: Image.Image) -> Image.Image:
    return image.reduce(_FINER)


def main() -> None:
    """Write every icon to `static/app-icons`."""
    for name, image in draw_icons().items():
        image.save(FOLDER / name, optimize=True)


if __name__ == "__main__":
    main()
