"""Write the catalogue down for people: ``python -m metricstack.metrics.document > docs/metrics.md``."""

from metricstack.metrics.definitions import catalogue
from metricstack.metrics.language.formula import FUNCTIONS
from metricstack.metrics.model import Definition

__all__ = ["metrics_markdown"]

_HEAD = """# Metrics

Generated from `src/metricstack/metrics/catalogue/*.toml`; `python -m metricstack.metrics.document` writes it anew.
`metricstack metrics show NAME` prints a metric's whole card: meaning, formula, owner, levels, lineage, SQL, value.

## A metric of your own

A workspace adds metrics in its own `metrics/*.toml` and overrides owners and levels of any metric in its
`metricstack.toml`. All faults of a catalogue are reported at once, with file, line and the nearest word.

```toml
[metrics.cost_per_solved_case]
title = "Cost per solved case"
about = "Cost of all runs, failed ones too, for each case that was solved without a person."
table = "requests"                     # whose rows are aggregated; without it: arithmetic of other metrics
formula = "sum(cost) / count(unassisted)"
unit = "currency/case"                 # checked against the formula: seconds + currency is a fault
better = "lower"                       # higher, lower, neither
layer = "cost"                         # business, quality, reliability, cost
pillar = "operations"                  # product, engineering, data, operations
owner = "finance"                      # a default that [policies.ID] in the metricstack.toml overrides
levels = { target = 0.05, warn = 0.10, breach = 0.20 }
requires = { n = 30, coverage = 0.9 }  # fewer observations, or less that is known, and it refuses
```

Also: `bucket`, `steward`, `version`, `source`, `aliases`, `split` (the dimension by which it is usually read),
`by` (dimension → the sibling metric that answers), `population` (`"process"` or `"window"`: what the interval is
about), `to_date` (all rows up to the window's end), `window = 28` (the last 28 days up to each period's end),
`settled_by` (the instant without which later rows may still change it).

Inside an aggregate a name is a column of the table or a measure (`metricstack metrics show` lists a metric's);
outside, another metric. `where` takes flags (`count(live where not rework)`), `per` first adds within keys
(`quantile(cost per session, 0.95)`). The functions are these and no others:
"""


def metrics_markdown() -> str:
    """Return the catalogue as Markdown: how to write a definition, then one table per domain."""
    groups: dict[str, list[Definition]] = {}
    for definition in catalogue():
        groups.setdefault(definition.origin.partition(".")[0].capitalize(), []).append(definition)
    functions = "\n".join(f"| `{name}` | {about} |" for name, about in FUNCTIONS.items())
    language = f"{_HEAD}\n| function | meaning |\n|---|---|\n{functions}\n"
    return "\n".join([language, *(_section(name, found) for name, found in sorted(groups.items()))])


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
