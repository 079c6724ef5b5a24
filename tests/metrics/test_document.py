"""What `docs/metrics.md` promises: it is the catalogue, as of now."""

from pathlib import Path

from metricstack.metrics.document import metrics_markdown


def test_the_page_is_what_the_catalogue_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "metrics.md"
    written = page.read_text(encoding="utf-8")
    assert written == metrics_markdown(), "Run: python -m metricstack.metrics.document > docs/metrics.md"
