"""The drawings of health: a strip of days, and a chart of response times. Height is state."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from markupsafe import Markup

from launcher.checks.history import DayState, Past
from launcher.checks.response_times import Point, Series

_BAR, _STEP, _HIGH = 3, 4, 22
_TOPS = {DayState.UP: 14, DayState.SLOW: 8, DayState.DOWN: 0, DayState.NONE: 20}
_WIDE, _TALL = 960, 120


def strip(past: Past, words: str, *, is_tall: bool = False) -> Markup:
    """Return one bar a day; `words` say the same to a screen reader."""
    return Markup('<svg class="days {}" role="img" aria-label="{}" {}</svg>').format(
        "days-tall" if is_tall else "", words, _bars(tuple(each.state for each in past.days))
    )


# Most apps were up all the time.
@lru_cache(maxsize=256)
def _bars(states: tuple[DayState, ...]) -> Markup:
    paths = []
    for state in DayState:
        at = [index for index, each in enumerate(states) if each is state]
        if at:
            top = _TOPS[state]
            path = "".join(f"M{index * _STEP} {top}h{_BAR}V{_HIGH}h-{_BAR}z" for index in at)
            paths.append(f'<path data-state="{state}" d="{path}"/>')
    width = len(states) * _STEP - (_STEP - _BAR)
    opening = f'viewBox="0 0 {width} {_HIGH}" preserveAspectRatio="none">'
    return Markup(opening + "".join(paths))  # noqa: S704 (numbers and names of states alone)


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of response times.

    Attributes:
        path: the line, which breaks where nothing was measured or answered.
        dots: the single answers between two gaps, as lines without length.
        downs: the times without an answer, as left edge and width in per cent.
        top_ms: what the upper line stands for, 0.0 without an answer.
    """

    path: str
    dots: str
    downs: tuple[tuple[float, float], ...]
    top_ms: float


def chart_of(series: Series) -> Chart | None:
    """Return the drawing of a series, None where nothing was measured."""
    if not series.points:
        return None
    answers = [each.ms for each in series.points if each.ms is not None]
    top_ms = _nice(max(answers)) if answers else 0.0
    length_s = series.end_s - series.start_s
    lines, dots = [], []
    for _number, run in groupby(_answered(series), key=lambda each: each[0]):
        spots = [
            f"{max(0, each.at_s - series.start_s) / length_s * _WIDE:.1f},"
            f"{_TALL - (each.ms or 0) / top_ms * _TALL:.1f}"
            for _, each in run
        ]
        # A line of one point is none: with round ends it is a dot.
        if len(spots) > 1:
            lines.append(f"M{' '.join(spots)}")
        else:
            dots.append(f"M{spots[0]} {spots[0]}")
    return Chart("".join(lines), "".join(dots), tuple(_downs(series)), top_ms)


def _answered(series: Series) -> list[tuple[int, Point]]:
    """Return the points with an answer, each with the number of its unbroken run."""
    found, run, last_s = [], 0, None
    for each in series.points:
        if each.ms is None:
            continue
        run += last_s is not None and each.at_s - last_s > series.step_s
        last_s = each.at_s
        found.append((run, each))
    return found


def _downs(series: Series) -> list[tuple[float, float]]:
    length_s = series.end_s - series.start_s
    spans: list[list[int]] = []
    for each in series.points:
        if each.up:
            continue
        if spans and spans[-1][1] == each.at_s:
            spans[-1][1] += series.step_s
        else:
            spans.append([each.at_s, each.at_s + series.step_s])
    clipped = [(max(a, series.start_s), min(b, series.end_s)) for a, b in spans]
    return [
        (round((a - series.start_s) / length_s * 100, 2), round((b - a) / length_s * 100, 2))
        for a, b in clipped
        if b > a
    ]


def _nice(ms: float) -> float:
    """Return the next of 1, 2, 4, 10, 20, 40 … that is not less: its half is as easy to read."""
    step = 1.0
    while True:
        for factor in (1, 2, 4):
            if ms <= step * factor:
                return step * factor
        step *= 10
