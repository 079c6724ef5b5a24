"""What `docs/tables.md` promises: it is the contract, as of now."""

from pathlib import Path

from metricstack.telemetry.document import tables_markdown


def test_the_page_is_what_the_contract_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "tables.md"
    written = page.read_text(encoding="utf-8")
    assert written == tables_markdown(), "Run: python -m metricstack.telemetry.document > docs/tables.md"
