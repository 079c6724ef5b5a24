"""What the manifest, the gate and the emitted findings promise, without a kernel."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nbformat import v4

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Estimate, Finding, Provenance
from metricstack.reports.complete import first_fault
from metricstack.reports.emit import FINDINGS, Emitted, collect, emit
from metricstack.reports.manifest import describe, git_commit

NOW = datetime(2026, 10, 1, 8, tzinfo=UTC)


def finding(subject: str, **tables: str) -> Finding:
    answer = Estimate(1, unit="count", n=1, method="census")
    provenance = Provenance(f"hash-{subject}", tables=tuple(tables.items()))
    return Finding(subject, answer, subject=subject, provenance=provenance)


def cell(*findings: Finding, count: int | None = 1, source: str = "x") -> Any:
    data = Emitted(findings)._repr_mimebundle_()
    output = [v4.new_output("display_data", data=data)] if findings else []
    return v4.new_code_cell(source, execution_count=count, outputs=output)


def notebook(*cells: Any) -> Any:
    return v4.new_notebook(cells=list(cells))


def test_the_manifest_gathers_the_data_and_definitions_that_the_findings_name() -> None:
    findings = [finding("a", requests="f1").to_dict(), finding("b", requests="f1", sessions="f2").to_dict()]
    manifest = describe(
        report="review", run="2026Q3", parameters={}, findings=findings, notebook=b"", cells=1, started=NOW,
        finished=NOW + timedelta(seconds=2.04),
    )  # fmt: skip
    assert manifest["data"] == {"requests": ["f1"], "sessions": ["f2"]}
    assert manifest["definitions"] == {"a": ["hash-a"], "b": ["hash-b"]}
    assert manifest["seconds"] == 2.0
    # SHA-256 of nothing, as in FIPS 180-4's examples
    assert manifest["notebook"]["sha256"].startswith("e3b0c44298fc1c149afbf4c8996fb924")


@pytest.mark.parametrize("packed", [True, False])
def test_the_commit_is_read_from_a_checkout(packed: bool, tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    if packed:
        (git / "packed-refs").write_text(f"# pack-refs\n{commit} refs/heads/main\n")
    else:
        (git / "refs" / "heads" / "main").write_text(f"{commit}\n")
    assert git_commit(tmp_path) == commit
    (git / "HEAD").write_text(f"{commit}\n")
    assert git_commit(tmp_path) == commit


def test_outside_a_checkout_there_is_no_commit(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None


def test_findings_are_gathered_once_each_in_order() -> None:
    gathered = collect(notebook(cell(finding("b"), finding("a")), cell(finding("b"), finding("c"))))
    assert [plain["subject"] for plain in gathered] == ["b", "a", "c"]
    assert gathered[0] == finding("b").to_dict()


def test_what_is_emitted_says_itself_in_one_line() -> None:
    bundle = Emitted([finding("a")])._repr_mimebundle_()
    assert bundle["text/plain"] == "1 finding, 0 of them refused"
    assert len(bundle[FINDINGS]) == 1


def test_a_whole_notebook_has_no_fault() -> None:
    empty = v4.new_code_cell(" \n")
    assert first_fault(notebook(v4.new_markdown_cell("# x"), cell(), empty, cell(finding("a")))) is None


def test_the_gate_names_the_cell_that_did_not_run_or_that_failed() -> None:
    assert first_fault(notebook(cell(finding("a")), cell(count=None))) == "cell 2 did not run"
    failed = cell(finding("a"))
    failed.outputs.append(v4.new_output("error", ename="ValueError", evalue="\x1b[31mno\x1b[0m.", traceback=[]))
    assert first_fault(notebook(cell(), failed)) == "cell 2 stopped with ValueError: no"
    assert str(first_fault(notebook(cell()))).startswith("it handed over no findings")


@pytest.mark.parametrize("value", [3, "text", None, {"a": 1}])
def test_what_holds_no_findings_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match="holds no findings"):
        emit(value)
