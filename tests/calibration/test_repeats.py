"""Intervals of what is judged or tried several times: kappa, alpha and pass^k against known truth.

- Items that are judged once by two raters, and items of which several candidates are judged together.
- Tasks that are independent, and tasks of users whose tasks succeed or fail together.
- With one item in ten kept.
"""

from typing import Any

import numpy as np
import pytest

from metricstack.core.streams import stream
from metricstack.metrics import evaluate
from metricstack.telemetry import Workspace

from .conftest import Store, assert_nominal, covered, instants

REPLICATES = 600

pytestmark = pytest.mark.calibration


def judged(store: Store, name: str, scores: np.ndarray, *, keep: float) -> Workspace:
    """Write scores of shape (replicates, items, candidates, raters); NaN = not judged."""
    replicates, items = scores.shape[:2]
    kept = stream(41, name, "kept").random((replicates, items)) < keep
    place = np.argwhere(~np.isnan(scores) & kept[:, :, None, None])
    rows = len(place)
    values = scores[tuple(place.T)]
    columns: dict[str, Any] = {
        "dataset": ["golden"] * rows,
        "item": [f"i{at * items + item}" for at, item, _, _ in place],
        "candidate": [f"c{candidate}" for _, _, candidate, _ in place],
        "rater": [f"p{rater}" for _, _, _, rater in place],
        "rater_kind": ["human"] * rows,
        "use_case": [f"{at:04d}" for at, _, _, _ in place],
        "name": ["relevance"] * rows,
        "judged": instants(rows),
        "score": values,
        "sample_probability": np.full(rows, keep),
    }
    return store(evaluations=columns)


@pytest.mark.parametrize(("items", "candidates", "keep"), [(100, 1, 1.0), (60, 4, 1.0), (600, 2, 0.1)])
def test_kappa_covers(store: Store, items: int, candidates: int, keep: float) -> None:
    # Each rater is right by chances that belong to the item (0.95 or 0.75); answers of one item are good together.
    name = f"kappa {items} {candidates}"
    random = stream(41, name)
    shape = (REPLICATES, items, 1, 1)
    quality = random.beta(1.4, 0.6, shape)
    good = random.random((REPLICATES, items, candidates, 1)) < quality
    right = random.random((REPLICATES, items, candidates, 2)) < np.where(random.random(shape) < 0.5, 0.95, 0.75)
    ws = judged(store, name, np.where(good == right, 0.9, 0.3), keep=keep)
    yes, same = 0.7 * 0.85 + 0.3 * 0.15, (0.95**2 + 0.05**2 + 0.75**2 + 0.25**2) / 2
    chance = yes**2 + (1 - yes) ** 2
    panel = evaluate(ws, "human_agreement_kappa", by="use_case", window="2026Q3")
    share = covered(panel.findings, (same - chance) / (1 - chance), dimension="use_case")
    assert_nominal(share, REPLICATES, what=f"kappa, {items} items of {candidates}, kept {keep:.0%}")


@pytest.mark.parametrize(("items", "candidates", "keep"), [(60, 1, 1.0), (60, 4, 1.0), (600, 2, 0.1)])
def test_alpha_covers(store: Store, items: int, candidates: int, keep: float) -> None:
    # Variance of quality 0.0225, shared by an item's answers to 64 %; of raters 0.01; two raters, often a third.
    name = f"alpha {items} {candidates}"
    random = stream(41, name)
    quality = random.normal(0.5, 0.12, (REPLICATES, items, 1, 1))
    answers = quality + random.normal(0, 0.09, (REPLICATES, items, candidates, 1))
    scores = answers + random.normal(0, 0.1, (REPLICATES, items, candidates, 3))
    scores[..., 2] = np.where(random.random(scores.shape[:3]) < 0.5, np.nan, scores[..., 2])
    ws = judged(store, name, scores, keep=keep)
    panel = evaluate(ws, "human_agreement", by="use_case", window="2026Q3")
    share = covered(panel.findings, 0.0225 / 0.0325, dimension="use_case")
    assert_nominal(share, REPLICATES, what=f"alpha, {items} items of {candidates}, kept {keep:.0%}")


@pytest.mark.parametrize("tasks", [1, 5])
@pytest.mark.parametrize("k", [2, 4])
def test_repeated_success_covers(store: Store, tasks: int, k: int) -> None:
    # A user's tasks succeed with one chance, drawn from beta(2, 1): its k-th power is 2 / (2 + k) on average.
    random, users = stream(41, f"pass {tasks}"), 60
    attempts = np.repeat(np.arange(REPLICATES * users * tasks), random.integers(4, 8, REPLICATES * users * tasks))
    user = attempts // tasks
    chance = random.beta(2, 1, REPLICATES * users)
    rows = len(attempts)
    ws = store(
        requests={
            "run": [f"r{i}" for i in range(rows)],
            "user": [f"u{i}" for i in user],
            "region": [f"{i:04d}" for i in user // users],
            "use_case": ["support"] * rows,
            "input_hash": [f"h{i}" for i in attempts],
            "start": instants(rows),
            "outcome": np.where(random.random(rows) < chance[user], "success", "failure"),
            "sample_probability": np.ones(rows),
        }
    )
    panel = evaluate(ws, f"pass_at_{k}", by="region", window="2026Q3")
    assert_nominal(covered(panel.findings, 2 / (2 + k)), REPLICATES, what=f"pass^{k}, {tasks} tasks of each user")
