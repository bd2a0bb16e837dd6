"""Whatever hue the site has, its text, buttons and focus ring can be seen, in light and dark.

The colours are read from the style sheet itself, for each of the 360 hues.
"""

from __future__ import annotations

import re

import pytest

from launcher.web.admin.site.form import SWATCHES
from launcher.web.assets import STATIC_PATH
from tests.support.colours import WHITE, Light, contrast, mix, oklch

TOKENS = (STATIC_PATH / "css" / "tokens.css").read_text()
SETTINGS = (STATIC_PATH / "settings.css").read_text()
CHROMAS = dict(re.findall(r"--([ndi]): (\.\d+) var\(--hue\)", TOKENS))
THEMES = ("light", "dark")
GROUNDS = ("bg", "surface", "raised", "hover")

TEXT, EDGE = 4.5, 3.0
"""What WCAG 2.2 AA asks of text (1.4.3), and of a focus ring and other edges (1.4.11)."""


def token(name: str, theme: str) -> str:
    found = re.search(
        rf"--{name}: light-dark\((#fff|oklch\([^)]*\)?\)), (oklch\(.+?\)+)\);", TOKENS
    )
    assert found, name
    return found[1 + THEMES.index(theme)]


def colour(text: str, hue: int, *, cut: bool) -> Light:
    if text == "#fff":
        return WHITE
    for name, chroma in CHROMAS.items():
        text = text.replace(f"var(--{name})", f"{chroma} {hue}")
    text = text.replace("var(--hue)", str(hue))
    found = re.match(r"oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\)", text)
    assert found, text
    return oklch(float(found[1]) / 100, float(found[2]), float(found[3]), cut=cut)


@pytest.mark.parametrize("cut", [True, False], ids=["cut off", "less chroma"])
@pytest.mark.parametrize("theme", THEMES)
def test_no_hue_is_hard_to_read(theme: str, cut: bool) -> None:
    too_weak = []

    def expect(least: float, one: Light, other: Light, what: str) -> None:
        if (found := contrast(one, other)) < least:
            too_weak.append(f"{what} at {hue}: {found:.2f}")

    for hue in range(360):
        named = {
            name: colour(token(name, theme), hue, cut=cut)
            for name in (*GROUNDS, "accent", "on-color", "text", "text-2", "text-3", "line-3")
        }
        accent = named["accent"]
        expect(TEXT, named["on-color"], accent, "button")
        expect(TEXT, named["on-color"], mix(0.9, accent, named["text"]), "button under the mouse")
        for ground in GROUNDS:
            for text in ("accent", "text", "text-2", "text-3"):
                expect(TEXT, named[text], named[ground], f"{text} on {ground}")
            expect(EDGE, accent, named[ground], f"focus on {ground}")
        for ground in ("bg", "surface", "raised"):
            expect(EDGE, named["line-3"], named[ground], f"edge of a field on {ground}")
            expect(TEXT, accent, mix(0.06, accent, named[ground]), f"link in a tinted {ground}")

    assert too_weak == []


def test_the_preview_of_a_hue_has_the_colour_that_the_site_would_have() -> None:
    recipe = re.search(r"--accent: (light-dark\(.+\));", TOKENS)
    assert recipe
    assert f"--accent: {recipe[1].replace('--hue', '--h')};" in SETTINGS


def test_each_swatch_has_its_hue_in_the_list_and_in_the_preview() -> None:
    tints = (STATIC_PATH / "css" / "components" / "tile.css").read_text()
    for index, hue in enumerate(SWATCHES):
        assert f'[data-hue="{index}"] {{ --h: {hue}; }}' in tints
        assert f'.setting:has([data-hue="{index}"] :checked) .trial {{ --h: {hue}; }}' in SETTINGS


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (WHITE, (0.0, 0.0, 0.0), 21.0),
        # What Chromium paints for oklch(50% .17 256) is rgb(0 94 191): 6.07 on white.
        (oklch(0.5, 0.17, 256, cut=True), WHITE, 6.07),
    ],
)
def test_contrast_is_that_of_wcag(one: Light, other: Light, expected: float) -> None:
    assert contrast(one, other) == pytest.approx(expected, abs=0.1)
