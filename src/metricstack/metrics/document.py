"""Write the catalogue down for people: ``python -m metricstack.metrics.document > docs/metrics.md``."""

from metricstack.metrics.definitions import catalogue
from metricstack.metrics.model import Definition

__all__ = ["metrics_markdown"]

_HEAD = """# Metrics

Generated from `src/metricstack/metrics/catalogue/*.toml`; `python -m metricstack.metrics.document` writes it anew.
A workspace overrides owners and levels in its `metricstack.toml` and adds metrics in its own `metrics/*.toml`.
`metricstack metrics show NAME` prints a metric's whole card.
"""


def metrics_markdown() -> str:
    """Return the catalogue as Markdown: one table per layer, metrics without a layer last."""
    groups: dict[str, list[Definition]] = {}
    for definition in catalogue():
        groups.setdefault(str(definition.layer).capitalize() if definition.layer else "Also", []).append(definition)
    order = sorted(groups, key=lambda name: name == "Also")
    return "\n".join([_HEAD, *(_section(name, groups[name]) for name in order)])


def _section(name: str, definitions: list[Definition]) -> str:
    rows = "\n".join(_row(definition) for definition in definitions)
    return f"## {name}\n\n| metric | meaning | formula | unit | better | from |\n|---|---|---|---|---|---|\n{rows}\n"


def _row(definition: Definition) -> str:
    formula = " ".join(definition.formula.split())
    cells = (f"`{definition.id}`", definition.about, f"`{formula}`", definition.unit, str(definition.better))
    return f"| {' | '.join((*cells, definition.table or 'other metrics'))} |"


if __name__ == "__main__":
    import sys

    sys.stdout.write(metrics_markdown())
