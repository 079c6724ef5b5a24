"""Published tables that tests of panels and adjusted effects read: one JSON file each, with its source."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from metricstack.core.streams import stream

__all__ = ["table", "world"]

SQUARED = {"nhefs": ("age", "wt71", "smokeintensity", "smokeyrs")}
CATEGORIES = {"nhefs": ("education", "exercise", "active")}


def table(name: str) -> pd.DataFrame:
    """Read a table of ``data``; that of NHEFS with its squares and categories, as its authors use it."""
    path = Path(__file__).with_name("data") / f"{name}.json"
    df = pd.DataFrame(json.loads(path.read_text(encoding="utf-8"))["columns"])
    for column in SQUARED.get(name, ()):
        df[f"{column}2"] = df[column].astype(float) ** 2
    for column in CATEGORIES.get(name, ()):
        df[column] = df[column].astype(str)
    return df


def world(seed: int, *, units: int = 12, periods: int = 15, effect: float = 0.0, **more: Any) -> pd.DataFrame:
    """Draw a panel with effects of units and periods on cause and outcome, and errors that depend within units."""
    rng = stream(seed, "panel")
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    shared = rng.normal(size=units)[unit], rng.normal(size=periods)[period]
    x = shared[0] + shared[1] + rng.normal(size=len(unit))
    y = effect * x + 2 * shared[0] - shared[1] + rng.normal(size=len(unit)) + more.get("shift", 0.0)
    return pd.DataFrame({"unit": unit, "time": period, "x": x, "y": y, "z": rng.normal(size=len(unit))})
