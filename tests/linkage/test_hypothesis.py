"""What ``linkage.toml`` promises: it is read as it is written, and all its faults are told at once with their lines."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from metricstack.core.errors import ConfigurationError, InvalidInput, UnreadableFile
from metricstack.core.units import check_unit
from metricstack.linkage.hypothesis import FILE, Hypothesis, default_map, hypotheses, read_hypotheses

KNOWN = ("relevance", "task_success", "conversion_rate", "latency_p95", "trust")


def written(folder: Path, text: str) -> Path:
    (folder / FILE).write_text(text, encoding="utf-8")
    return folder / FILE


def catalogue() -> dict[str, dict[str, Any]]:
    folder = Path(str(files("metricstack.metrics") / "catalogue"))
    return {
        name: entry
        for path in folder.glob("*.toml")
        for name, entry in tomllib.loads(path.read_text(encoding="utf-8"))["metrics"].items()
    }


def test_a_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    written(
        tmp_path,
        """
[edges.latency_p95.task_success]
step = 0.5
step_unit = "s"
expected = "-"
smallest_effect = 0.003
effect_unit = "fraction"
lags = [0, 2]
unit = "tenant"
grain = "week"
confounders = ["segment"]
mediators = ["relevance"]
negative_controls = ["trust"]
exclusion = "Only the cache changed."
about = "Who waits leaves."
""",
    )
    (edge,) = hypotheses(tmp_path, KNOWN)
    assert edge == Hypothesis(
        "latency_p95", "task_success", 0.5, -1, 0.003, lags=(0, 2), unit="tenant", grain="week",
        confounders=("segment",), mediators=("relevance",), negative_controls=("trust",),
        exclusion="Only the cache changed.", about="Who waits leaves.", step_unit="s", effect_unit="fraction",
    )  # fmt: skip
    assert edge.named == ("latency_p95", "task_success", "trust", "relevance", "segment")
    assert edge.step_name == "latency_p95 +0.5 s"
    assert edge.origin == f"{FILE}:2"


def test_without_a_file_the_packages_own_map_counts(tmp_path: Path) -> None:
    assert {edge.key for edge in hypotheses(tmp_path, KNOWN)} == {
        "relevance -> task_success", "relevance -> conversion_rate", "task_success -> conversion_rate",
        "latency_p95 -> task_success", "latency_p95 -> conversion_rate",
    }  # fmt: skip


def test_a_file_may_add_to_the_default_map_and_overrule_it(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
include_default = true

[edges.relevance.task_success]
step = 0.1
expected = "+"
smallest_effect = 0.02
""",
    )
    edges = {edge.key: edge for edge in read_hypotheses(path, KNOWN)}
    assert len(edges) == 5
    assert edges["relevance -> task_success"].step == 0.1


def test_the_default_map_stands_on_the_catalogue() -> None:
    edges, known = default_map(), catalogue()
    assert 30 <= len(edges) <= 45
    assert len({edge.key for edge in edges}) == len(edges)
    layers = {known[name].get("layer") for edge in edges for name in (edge.cause, edge.effect)}
    assert {"business", "quality", "reliability", "cost"} <= layers
    for edge in edges:
        assert {edge.cause, edge.effect} <= set(known), edge.key
        assert known[edge.cause]["unit"] == check_unit(edge.step_unit), edge.key
        assert known[edge.effect]["unit"] == check_unit(edge.effect_unit), edge.key
        assert edge.about.endswith("."), edge.key
        assert edge.origin.startswith("default.toml:"), edge.key


def test_a_mediator_of_the_default_map_lies_on_its_edges() -> None:
    edges = default_map()
    pairs = {(edge.cause, edge.effect) for edge in edges}
    ways = [(edge.cause, way, edge.effect) for edge in edges for way in edge.mediators]
    assert len(ways) >= 5
    assert all({(cause, way), (way, effect)} <= pairs for cause, way, effect in ways)


def test_what_is_better_or_worse_agrees_with_the_expected_sign() -> None:
    # More of a good thing does good; what costs more is to buy quality.
    known, sign = catalogue(), {"higher": 1, "lower": -1}
    for edge in default_map():
        cause, effect = known[edge.cause]["better"], known[edge.effect]["better"]
        if "neither" in (cause, effect) or edge.cause in ("cost_per_request", "tokens_per_request"):
            continue
        assert edge.expected_sign == sign[cause] * sign[effect], edge.key


def test_all_faults_are_told_at_once_with_line_and_nearest_word(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """edgse = 1

[edges.relevence.task_success]
step = 0.05
expected = "+"
smallest_effect = 0.01

[edges.relevance.conversion_rates]
step = 0
expected = "up"
smallest_effect = -0.01
lags = [7, 0]
grain = "hour"
confounders = "segment"
stepp = 3

[edges.latency_p95]
task_success = 3

[edges.trust.trust]
step = 0.05

[edges.trust.relevance]
step = 0.05
step_unit = "parsec"
expected = "+"
smallest_effect = 0.01
negative_controls = ["trsut", "trust"]

[edges.trust.conversion_rate]
step = 0.05
expected = "+"
smallest_effect = 0.01
confounders = ["latency_p95", "segment"]
negative_controls = ["relevance"]
mediators = ["task_sucess", "trust", "conversion_rate", "latency_p95", "relevance"]

[edges.trust.task_success]
step = 0.05
expected = "+"
smallest_effect = 0.01
mediators = "relevance"
""",
    )
    with pytest.raises(ConfigurationError) as caught:
        read_hypotheses(path, KNOWN)
    text = str(caught.value)
    for part in (
        "linkage.toml:1: unknown section or key 'edgse'. Did you mean 'edges'?",
        "linkage.toml:3: cause: Unknown metric 'relevence'. Did you mean 'relevance'?",
        "linkage.toml:8: edge relevance -> conversion_rates: effect: Unknown metric 'conversion_rates'. Did you",
        "linkage.toml:9: edge relevance -> conversion_rates: step = 0: a number other than 0",
        'linkage.toml:10: edge relevance -> conversion_rates: expected = \'up\': it is "+" or "-"',
        "linkage.toml:11: edge relevance -> conversion_rates: smallest_effect = -0.01: a number above 0",
        "linkage.toml:12: edge relevance -> conversion_rates: lags = [7, 0]",
        "linkage.toml:13: edge relevance -> conversion_rates: grain = 'hour': it is one of day, week, month",
        "linkage.toml:14: edge relevance -> conversion_rates: confounders = 'segment': a list of names",
        "linkage.toml:15: edge relevance -> conversion_rates: unknown field 'stepp'. Did you mean 'step'?",
        "linkage.toml:18: 'task_success' must be a table",
        "linkage.toml:20: edge trust -> trust: it has no 'expected'",
        "linkage.toml:20: edge trust -> trust: an edge leads from one metric to another",
        "linkage.toml:25: edge trust -> relevance: step_unit: Unknown unit 'parsec'",
        "linkage.toml:28: edge trust -> relevance: negative_controls: Unknown metric 'trsut'. Did you mean 'trust'?",
        "linkage.toml:28: edge trust -> relevance: 'trust' is the edge's own metric",
        "linkage.toml:36: edge trust -> conversion_rate: mediators: Unknown metric 'task_sucess'. Did you mean 'task_s",
        "linkage.toml:36: edge trust -> conversion_rate: 'trust' is the edge's own cause; a mediator is moved by the",
        "linkage.toml:36: edge trust -> conversion_rate: 'conversion_rate' is the edge's own effect",
        "linkage.toml:36: edge trust -> conversion_rate: 'latency_p95' is one of its confounders",
        "linkage.toml:36: edge trust -> conversion_rate: 'relevance' is one of its negative controls",
        "linkage.toml:42: edge trust -> task_success: mediators = 'relevance': a list of names",
    ):
        assert part in text, part


@pytest.mark.parametrize("text", ["edges = 3", "[edges]\nrelevance = 1", 'include_default = "yes"'])
def test_a_file_of_the_wrong_shape_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError):
        read_hypotheses(written(tmp_path, text), KNOWN)


def test_what_is_no_toml_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        read_hypotheses(written(tmp_path, "[edges"), KNOWN)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"effect": "relevance"}, "from one metric to another"),
        ({"step": 0.0}, "a number other than 0"),
        ({"step": float("nan")}, "a number other than 0"),
        ({"expected_sign": 0}, r"it is \+1 or -1"),
        ({"smallest_effect": 0.0}, "a number above 0"),
        ({"lags": (0, 1000)}, "first and the last lag"),
        ({"grain": "hour"}, "one of day, week, month"),
        ({"mediators": ("trust",)}, "'trust' is the edge's own effect"),
        ({"mediators": ("load",), "confounders": ("load",)}, "'load' is one of its confounders"),
    ],
)
def test_an_edge_that_cannot_be_is_told(change: dict[str, Any], message: str) -> None:
    given = {"cause": "relevance", "effect": "trust", "step": 0.05, "expected_sign": 1, "smallest_effect": 0.01}
    with pytest.raises(InvalidInput, match=message):
        Hypothesis(**(given | change))


# Other names of a metric

NAMES = {name: name for name in KNOWN} | {"success_rate": "task_success"}
STEP = 'step = 0.05\nexpected = "+"\nsmallest_effect = 0.01\n'


def test_a_metric_may_be_declared_by_another_of_its_names_and_is_known_by_its_id(tmp_path: Path) -> None:
    written(tmp_path, f"include_default = true\n[edges.relevance.success_rate]\n{STEP}")
    keys = [edge.key for edge in hypotheses(tmp_path, NAMES)]
    # It replaces the package's edge of that name, instead of standing beside it.
    assert keys[0] == "relevance -> task_success"
    assert keys.count(keys[0]) == 1
    assert not [key for key in keys if "success_rate" in key]
    written(tmp_path, f'[edges.trust.conversion_rate]\n{STEP}confounders = ["success_rate", "region"]\n')
    assert hypotheses(tmp_path, NAMES)[0].confounders == ("task_success", "region")


def test_one_metric_by_two_names_makes_no_edge_and_one_edge_is_declared_once(tmp_path: Path) -> None:
    written(tmp_path, f"[edges.task_success.success_rate]\n{STEP}")
    with pytest.raises(ConfigurationError, match=r"toml:1: .*leads from one metric to another"):
        hypotheses(tmp_path, NAMES)
    written(tmp_path, f"[edges.relevance.task_success]\n{STEP}[edges.relevance.success_rate]\n{STEP}")
    with pytest.raises(ConfigurationError, match=r"toml:5: edge relevance -> success_rate: .*line 1"):
        hypotheses(tmp_path, NAMES)


# Names and numbers that would be taken for something else


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('confounders = ["trsut"]', "Unknown metric or dimension 'trsut'. Did you mean 'trust'?"),
        ('confounders = ["sgment"]', "Did you mean 'segment'?"),
        ('confounders = ["relevance"]', "'relevance' is the edge's own metric"),
        ('confounders = ["success_rate"]', "'task_success' is the edge's own metric"),
        ('confounders = ["trust", "trust"]', "'trust' is named twice"),
        ('confounders = ["trust"]\nnegative_controls = ["trust"]', "'trust' is named twice"),
        ('unit = "regoin"', "Unknown dimension 'regoin'. Did you mean 'region'?"),
        ('unit = ""', "unit = '': a dimension is needed"),
        ('unit = "region, region"', "each once"),
        ('exclusion = " "', "exclusion = ' ': it is blank"),
    ],
)
def test_a_name_that_would_be_left_out_without_a_word_is_a_fault(tmp_path: Path, line: str, message: str) -> None:
    written(tmp_path, f"[edges.relevance.task_success]\n{STEP}{line}\n")
    with pytest.raises(ConfigurationError, match=r"toml:[56]:") as told:
        hypotheses(tmp_path, NAMES)
    assert message in str(told.value)


@pytest.mark.parametrize("number", ["1e300", "5e-324", f"1{'0' * 400}"])
def test_a_step_of_no_size_that_anything_has_is_a_fault(tmp_path: Path, number: str) -> None:
    text = f'[edges.relevance.task_success]\nstep = {number}\nexpected = "+"\nsmallest_effect = {number}\n'
    written(tmp_path, text)
    with pytest.raises(ConfigurationError, match="2 faults") as told:
        hypotheses(tmp_path, KNOWN)
    assert str(told.value).count("from 1e-12 to 1e+12 in size") == 2


def test_a_file_that_begins_with_a_byte_order_mark_is_read_and_its_lines_are_counted_alike(tmp_path: Path) -> None:
    path = written(tmp_path, f"[edges.relevance.task_success]\n{STEP}")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert hypotheses(tmp_path, KNOWN)[0].origin == f"{FILE}:1"
