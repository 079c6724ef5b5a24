"""What `docs/metrics.md` promises: it is the catalogue, as of now, and its example of a definition loads."""

from pathlib import Path

from metricstack.metrics.document import metrics_markdown
from metricstack.metrics.language.load import CATALOGUE, load


def test_the_page_is_what_the_catalogue_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "metrics.md"
    written = page.read_text(encoding="utf-8")
    assert written == metrics_markdown(), "Run: python -m metricstack.metrics.document > docs/metrics.md"


def test_the_example_of_the_page_is_a_definition_that_loads(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "own.toml").write_text(example, encoding="utf-8")
    assert load(tmp_path, load(CATALOGUE))["cost_per_solved_case"].levels.warn == 0.10
