"""What a declaration promises: files and table read alike, all faults at once by line, a hash of what it says."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from metricstack.core.errors import ConfigurationError, UnknownName
from metricstack.experiments.declaration import Design
from metricstack.experiments.declare import declaration, declarations, declared, register
from tests.metrics.conftest import at, write_workspace

TOML = """
[experiments.retry]
hypothesis = "Retrying twice makes answers succeed more often."
unit = "user"
arms = ["control", "treatment"]
allocation = [0.5, 0.5]
primary = "task_success"
guardrails = { latency_p95 = 0.1, cost_per_request = { margin = 0.002, relative = false } }
start = 2026-07-01T00:00:00Z
design = "group_sequential"
looks = 4
planned_n = 800
"""


def _files(root: Path, text: str) -> None:
    (root / "experiments").mkdir(parents=True, exist_ok=True)
    (root / "experiments" / "a.toml").write_text(text, encoding="utf-8")


def _row(**more: object) -> dict[str, object]:
    return {
        "experiment": "retry", "registered_at": at("06-28"), "start": at("07-01"), "unit": "user",
        "arms": '["control", "treatment"]', "allocation": "[0.5, 0.5]", "primary_metric": "task_success",
        "guardrails": '{"latency_p95": 0.1}', "design": "fixed", "alpha": 0.05, "planned_n": 800.0,
        "ingested_at": at("06-28"),
    } | more  # fmt: skip


def test_a_file_says_what_was_declared(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {})
    _files(tmp_path, TOML)
    one = declaration(ws, "retry")
    assert (one.unit, one.arms, one.allocation) == ("user", ("control", "treatment"), (0.5, 0.5))
    assert (one.design, one.looks, one.planned_n, one.alpha) == (Design.GROUP_SEQUENTIAL, 4, 800, 0.05)
    assert [(guard.metric, guard.margin, guard.relative) for guard in one.guardrails] == [
        ("latency_p95", 0.1, True),
        ("cost_per_request", 0.002, False),
    ]
    assert one.metrics == ("task_success", "latency_p95", "cost_per_request")
    assert one.start == datetime(2026, 7, 1, tzinfo=UTC)
    assert one.origin == "a.toml:2"
    assert not one.is_registered  # a file proves no time


def test_the_last_row_of_the_table_counts_and_says_when_it_was_registered(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {"experiments": [_row(), _row(registered_at=at("07-03"), planned_n=900.0)]})
    one = declaration(ws, "retry")
    assert one.planned_n == 900
    assert not one.is_registered  # it was changed after the start


def test_the_hash_is_of_what_was_declared_and_of_nothing_else(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path / "a", {"experiments": [_row()]})
    same = write_workspace(tmp_path / "b", {"experiments": [_row(registered_at=at("06-20"), end=at("08-01"))]})
    other = write_workspace(tmp_path / "c", {"experiments": [_row(alpha=0.1)]})
    assert declaration(ws, "retry").hash == declaration(same, "retry").hash != declaration(other, "retry").hash


def test_a_file_that_says_what_the_table_says_is_registered(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {"experiments": [_row()]})
    text = (
        TOML.replace('design = "group_sequential"\nlooks = 4\n', "")
        .replace(", cost_per_request = { margin = 0.002, relative = false }", "")
        .replace('hypothesis = "Retrying twice makes answers succeed more often."\n', "")
        .replace("T00:00", "T12:00")
    )
    _files(tmp_path, text)
    assert declaration(ws, "retry").is_registered
    _files(tmp_path, text.replace("800", "801"))
    assert not declaration(ws, "retry").is_registered


def test_every_fault_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {})
    _files(
        tmp_path,
        '[experiments.a]\nunit = "users"\narms = ["one"]\nprimry = "x"\nstart = 2026-07-01\nalpha = 2\n'
        "allocation = [0.5, 0.6]\nguardrails = { latency_p95 = -1 }\n[other]\n",
    )
    with pytest.raises(ConfigurationError) as caught:
        declarations(ws)
    told = str(caught.value)
    for fault in (
        "a.toml:2: experiment 'a': unit = 'users'", "a.toml:3: experiment 'a': arms = ['one']",
        "Did you mean 'primary'?", "it has no 'primary'", "a.toml:5: experiment 'a': start",
        "a.toml:6: experiment 'a': alpha = 2",
        "a.toml:7: experiment 'a': allocation", "guardrail 'latency_p95' = -1", "unknown section [other]",
    ):  # fmt: skip
        assert fault in told


def test_an_unknown_experiment_is_named_with_the_nearest(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {"experiments": [_row()]})
    with pytest.raises(UnknownName, match="Did you mean 'retry'"):
        declaration(ws, "rettry")


def test_a_row_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {"experiments": [_row(arms="control, treatment"), _row(experiment="b", alpha=None)]})
    with pytest.raises(ConfigurationError, match=r"table 'experiments', 'retry': arms = 'control, treatment'"):
        declarations(ws)


def test_an_end_before_the_start_is_a_fault_of_the_declaration(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {"experiments": [_row(end=at("06-30"))]})
    with pytest.raises(ConfigurationError, match=r"end = 2026-06-30T12:00:00\+00:00: it must be after the start"):
        declarations(ws)


def test_a_primary_that_is_a_guardrail_too_is_a_fault(tmp_path: Path) -> None:
    # It would be read once, as the primary, and its margin never be held against it.
    ws = write_workspace(tmp_path, {"experiments": [_row(guardrails='{"task_success": 0.1}')]})
    with pytest.raises(ConfigurationError, match="guardrail 'task_success' is the primary"):
        declarations(ws)


@pytest.mark.parametrize("text", ["experiments = 3\n", '[[experiments]]\nunit = "user"\n'])
def test_experiments_that_are_no_table_are_a_fault(text: str, tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {})
    _files(tmp_path, text)
    with pytest.raises(ConfigurationError, match=r"a.toml:1: declarations stand under \[experiments.KEY\]"):
        declarations(ws)


def test_two_files_that_declare_one_experiment_are_a_fault(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {})
    _files(tmp_path, TOML)
    (tmp_path / "experiments" / "b.toml").write_text(TOML.replace("0.5, 0.5", "0.4, 0.6"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"b.toml:2: experiment 'retry' is declared in a.toml:2 already"):
        declarations(ws)


def test_a_file_cannot_state_when_it_was_registered(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {})
    _files(tmp_path, TOML + "registered_at = 2026-06-01T00:00:00Z\n")
    with pytest.raises(ConfigurationError, match="registered_at: a file proves no time"):
        declarations(ws)


def test_the_end_that_a_file_states_counts_beside_a_row_without_one(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {"experiments": [_row(guardrails="{}")]})
    plain = 'unit = "user"\narms = ["control", "treatment"]\nprimary = "task_success"\nplanned_n = 800\n'
    _files(tmp_path, f"[experiments.retry]\n{plain}start = 2026-07-01T12:00:00Z\nend = 2026-08-01T00:00:00Z\n")
    one = declaration(ws, "retry")
    assert one.end == datetime(2026, 8, 1, tzinfo=UTC)
    assert one.registered_at == at("06-28")


def test_the_hash_does_not_depend_on_how_the_file_is_laid_out(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {})
    _files(tmp_path, TOML + "smallest_effect = 1.0\n")
    first = declaration(ws, "retry").hash
    head, *lines = TOML.strip().splitlines()
    moved = {
        "guardrails": "guardrails = { cost_per_request = { relative = false, margin = 2e-3 }, latency_p95 = 0.10 }",
        "start": "start = 2026-07-01T02:00:00+02:00  # the same instant",
        "planned_n": "planned_n = 800.0",
        "arms": "arms = [\n  'control',\n  'treatment',\n]",
    }
    other = [moved.get(line.partition(" ")[0], line) for line in reversed(lines)]
    usual = ['correction = "holm"', "covariates = []", "covariate_days = 28", 'null_policy = "none"', "alpha = 0.05"]
    _files(tmp_path, "\n".join([head, *other, "smallest_effect = 1", *usual]))
    assert declaration(ws, "retry").hash == first


def test_the_allocation_at_an_instant_is_that_of_its_stretch(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {})
    ramps = "ramps = [{ at = 2026-07-08T00:00:00Z, allocation = [0.2, 0.8] }]\nend = 2026-08-01T00:00:00Z\n"
    _files(tmp_path, TOML + ramps)
    one = declaration(ws, "retry")
    assert one.allocation_at(at("06-30")) is None
    assert one.allocation_at(at("07-01 00:00")) == one.allocation_at(at("07-07 23:59")) == (0.5, 0.5)
    assert one.allocation_at(at("07-08 00:00")) == one.allocation_at(at("07-31")) == (0.2, 0.8)
    assert one.allocation_at(at("08-01 00:00")) is None


def test_a_row_says_all_that_a_file_may_say(tmp_path: Path) -> None:
    more = {
        "exposure": "flag service", "triggered": True, "secondary": '["cost_per_request"]', "correction": "by",
        "segments": '["region"]', "ship_if": "better", "looks": 3.0, "spending": "power", "covariate_days": 14.0,
        "futility": "pocock", "beta": 0.1,
        "covariates": '["task_success"]', "null_policy": "exclude", "cap": 0.99, "staged": False,
        "ramps": '[{"at": "2026-07-08T00:00:00Z", "allocation": [0.2, 0.8]}]', "design": "group_sequential",
    }  # fmt: skip
    of_row = declaration(write_workspace(tmp_path / "a", {"experiments": [_row(**more)]}), "retry")
    ws = write_workspace(tmp_path / "b", {})
    _files(
        tmp_path / "b",
        """[experiments.retry]
unit = "user"\narms = ["control", "treatment"]\nallocation = [0.5, 0.5]\nprimary = "task_success"
guardrails = { latency_p95 = 0.1 }\nplanned_n = 800\nstart = 2026-07-01T12:00:00Z\nexposure = "flag service"
triggered = true\nsecondary = ["cost_per_request"]\ncorrection = "by"\nsegments = ["region"]\nship_if = "better"
looks = 3\nspending = "power"\ncovariate_days = 14\ncovariates = ["task_success"]\nnull_policy = "exclude"
futility = "pocock"\nbeta = 0.1\ncap = 0.99\nramps = [{ at = 2026-07-08T00:00:00Z, allocation = [0.2, 0.8] }]
design = "group_sequential"
""",
    )
    of_file = declaration(ws, "retry")
    assert of_row.content == of_file.content
    assert of_row.hash == of_file.hash


def test_a_declaration_without_futility_has_the_hash_that_it_had(tmp_path: Path) -> None:
    # As it was before futility could be declared; its usual values, written out, change nothing.
    ws = write_workspace(tmp_path, {})
    for more in ("", "beta = 0.2\n"):
        _files(tmp_path, TOML + more)
        assert declaration(ws, "retry").hash == "aa1a17950468bf31"
    _files(tmp_path, TOML + 'futility = "pocock"\n')
    assert declaration(ws, "retry").hash != "aa1a17950468bf31"


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ('futility = "pocok"\n', "a.toml:13: experiment 'retry': futility = 'pocok'.* Did you mean 'pocock'?"),
        ("beta = 0.1\n", "a.toml:13: experiment 'retry': beta = 0.1: it is the chance of missing"),
        ('futility = "power"\nbeta = 0.98\n', "a.toml:14: .* beta = 0.98: it leaves a power of 0.02, not above"),
        ('futility = "power"\nbeta = 0\n', r"a.toml:14: .* beta = 0: a chance of missing the effect in \[0.001, 1\)"),
    ],
)
def test_futility_that_cannot_be_is_a_fault(more: str, fault: str, tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {})
    _files(tmp_path, TOML + more)
    with pytest.raises(ConfigurationError, match=fault):
        declarations(ws)


@pytest.mark.parametrize("design", ["fixed", "always_valid"])
def test_only_planned_looks_can_give_an_experiment_up(design: str, tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {})
    _files(tmp_path, TOML.replace("group_sequential", design) + 'futility = "pocock"\n')
    with pytest.raises(ConfigurationError, match=r"a.toml:13: .* only looks that were planned can give it up"):
        declarations(ws)


NAMED = """
[experiments.retry]
unit = "user"
arms = ["control", "treatmnt"]
primary = "latency_p59"
secondary = ["conversion_rate", "task_sucess"]
covariates = ["cost_per_requst"]
segments = ["regoin"]
start = 2026-07-01T00:00:00Z

[experiments.retry.guardrails]
latency_p95 = 0.1
cost_per_reqest = 0.1
"""


def test_names_that_are_not_known_are_told_with_their_line_and_the_nearest(tmp_path: Path) -> None:
    assigned = [
        {"experiment": "retry", "unit": arm, "variant": arm, "first_exposure": at("07-02"), "reason": "split"}
        for arm in ("control", "treatment")
    ]
    ws = write_workspace(tmp_path, {"assignments": assigned})
    _files(tmp_path, NAMED)
    with pytest.raises(ConfigurationError) as caught:
        declarations(ws)
    told = [fault.partition(" List them")[0] for fault in caught.value.faults]
    assert told == [
        "a.toml:5: experiment 'retry': primary: Unknown metric 'latency_p59'. Did you mean 'latency_p95'?",
        "a.toml:13: experiment 'retry': guardrails: Unknown metric 'cost_per_reqest'. Did you mean 'cost_per_request'?",
        "a.toml:6: experiment 'retry': secondary: Unknown metric 'task_sucess'. Did you mean 'task_success'?",
        "a.toml:7: experiment 'retry': covariates: Unknown metric 'cost_per_requst'. Did you mean 'cost_per_request'?",
        "a.toml:8: experiment 'retry': segments: Unknown dimension of units 'regoin'. Did you mean 'region'?",
        "a.toml:4: experiment 'retry': arms: no unit was assigned to 'treatmnt'. Did you mean 'treatment'?",
    ]


def test_a_row_that_names_what_is_not_known_is_told_by_its_key(tmp_path: Path) -> None:
    row = _row(primary_metric="task_sucess", guardrails="{}")
    ws = write_workspace(tmp_path, {"experiments": [row, _row(experiment="other")]})
    with pytest.raises(ConfigurationError, match=r"table 'experiments', 'retry': primary: .*mean 'task_success'"):
        declarations(ws)
    found = declared(ws)
    assert set(found.experiments) == {"other", "retry"}  # what does not rest on the name is read all the same
    assert list(found.unknown) == ["retry"]
    assert found.faults == found.unknown["retry"]
    assert declaration(ws, "retry").primary == "task_sucess"


def test_an_arm_that_has_no_units_yet_is_no_fault(tmp_path: Path) -> None:
    one = {"experiment": "retry", "unit": "u", "variant": "control", "first_exposure": at("07-02"), "reason": "split"}
    assert declared(write_workspace(tmp_path, {"experiments": [_row()], "assignments": [one]})).faults == ()


def test_a_metric_of_the_workspace_or_an_alias_is_known(tmp_path: Path) -> None:
    from metricstack.metrics.definitions import catalogue

    alias = next(alias for one in catalogue() for alias in one.aliases)
    ws = write_workspace(tmp_path, {"experiments": [_row(secondary=f'["{alias}", "wins"]')]})
    assert "Unknown metric 'wins'" in declared(ws).faults[0]
    (tmp_path / "metrics").mkdir()
    own = '[metrics.wins]\ntitle = "Runs"\nabout = "Runs."\ntable = "requests"\nformula = "count()"\nunit = "count"\n'
    (tmp_path / "metrics" / "own.toml").write_text(own + 'better = "higher"\n', encoding="utf-8")
    assert declared(ws).faults == ()
    (tmp_path / "metrics" / "own.toml").write_text("[wins]\n", encoding="utf-8")
    (fault,) = declared(ws).faults
    assert "No metric of an experiment can be checked: The catalogue has 1 fault: own.toml:1" in fault


def test_nothing_is_registered_that_names_what_is_not_known(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {"experiments": [_row(experiment="other")]})
    _files(tmp_path, TOML.replace('"task_success"', '"task_sucess"'))
    for keys in (None, ["retry"]):
        with pytest.raises(ConfigurationError, match=r"a.toml:7: experiment 'retry': primary: Unknown metric"):
            register(ws, keys)
    assert list(register(ws, ["other"])) == ["other"]


@pytest.mark.parametrize("text", ["[" * 100_000, "[NaN, 0.5]", "{", '"x"', "[[0.5], 0.5]"])
def test_hostile_json_of_a_row_is_a_fault(text: str, tmp_path: Path) -> None:
    for name in ("allocation", "covariates", "ramps"):
        ws = write_workspace(tmp_path / name, {"experiments": [_row(**{name: text})]})
        with pytest.raises(ConfigurationError, match="table 'experiments', 'retry'"):
            declarations(ws)
