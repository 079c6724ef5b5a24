"""Write the contract down for people: ``python -m metricstack.telemetry.document > docs/tables.md``."""

from metricstack.telemetry.contract import Column, Table
from metricstack.telemetry.tables import TABLES

__all__ = ["tables_markdown"]

_HEAD = """# Tables

Generated from the contract in `src/metricstack/telemetry/tables/`; `python -m metricstack.telemetry.document`
writes it anew. Times are UTC, durations are seconds computed as end − start, null is unknown and never 0,
identifiers are keyed hashes. **Bold** columns are the key, a • column is never null, 🔒 is stored as a keyed hash.
"""


def tables_markdown() -> str:
    """Return the whole schema as Markdown: per table its grain, provider, and a row per column."""
    index = "\n".join(
        f"| [`{name}`](#{name}) | {contract.grain} | {contract.about} |" for name, contract in TABLES.items()
    )
    parts = [_HEAD, f"| table | one row is | carries |\n|---|---|---|\n{index}\n"]
    return "\n".join([*parts, *(_section(contract) for contract in TABLES.values())])


def _section(contract: Table) -> str:
    facts = [f"One row is {contract.grain}; placed in time by `{contract.event_time}`."]
    if contract.state_of:
        facts.append(f"Rows are states of `{'`, `'.join(contract.state_of)}`: the last before a moment holds.")
    if contract.cluster:
        facts.append(f"Rows of one `{contract.cluster[0]}` depend on one another.")
    rows = "\n".join(_row(contract, column) for column in contract.columns)
    return (
        f"## {contract.name}\n\n{contract.about[0].upper()}{contract.about[1:]}. {' '.join(facts)} "
        f"Usually from {contract.provider}.\n\n"
        f"| column | type | unit | allowed | meaning |\n|---|---|---|---|---|\n{rows}\n"
    )


def _row(contract: Table, column: Column) -> str:
    name = f"**`{column.name}`**" if column.name in contract.key else f"`{column.name}`"
    marks = f"{' •' if not column.nullable else ''}{' 🔒' if column.privacy == 'identifier' else ''}"
    allowed = ", ".join(column.values)
    if column.minimum is not None or column.maximum is not None:
        low = "" if column.minimum is None else f"{column.minimum:g}"
        high = "" if column.maximum is None else f"{column.maximum:g}"
        allowed = f"{low} … {high}".strip()
    about = f"{column.about} → `{column.references}`" if column.references else column.about
    return f"| {name}{marks} | {column.kind.name.lower()} | {column.unit} | {allowed} | {about} |"


if __name__ == "__main__":
    import sys

    sys.stdout.write(tables_markdown())
