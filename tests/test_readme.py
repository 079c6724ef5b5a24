"""What the README promises: its Python example runs as written, on the sample company's schema."""

import contextlib
import io
import re
from pathlib import Path

import metricstack as ms

README = Path(__file__).parents[1] / "README.md"


def test_the_example_runs(company: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert 'ms.open("data/sample")' in code
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        exec(code.replace('"data/sample"', repr(str(company))), {})
    said = written.getvalue().splitlines()
    assert len(said) >= 14
    assert any("95" in line for line in said)


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (README.parent / target).exists(), target


def test_the_floor_plan_names_every_floor() -> None:
    text = README.read_text(encoding="utf-8")
    folders = {path.parent.name for path in Path(ms.__file__).parent.glob("*/__init__.py")}
    assert all(f"`{name}`" in text or name == "cli" for name in folders)
