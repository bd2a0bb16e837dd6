"""Gauges of `/metrics`: their names begin with `launcher_`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily


def gauge(
    name: str, about: str, labels: Sequence[str], values: Mapping[tuple[str, ...], float]
) -> GaugeMetricFamily:
    """Return a gauge, without samples where nothing is known.

    Args:
        name: without `launcher_`.
        about: what it says, a sentence.
        values: by the values of `labels`.
    """
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415  (only metrics need it)

    metric = GaugeMetricFamily(f"launcher_{name}", about, labels=labels)
    for of, value in values.items():
        metric.add_metric(of, float(value))
    return metric
