"""What is believed of an edge before it is measured: from ``linkage.toml`` of a workspace, or the package's own map.

An edge is written under its two metrics, ``[edges.CAUSE.EFFECT]``: the step of the cause, the sign expected of the
effect, the smallest effect of that step that matters, and how it may be looked for. All faults of a file are told at
once, each with its line.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from metricstack.core.errors import ConfigurationError, Fault, InvalidInput, UnknownName, nearest
from metricstack.core.toml import line_of, read_toml
from metricstack.core.units import check_unit
from metricstack.telemetry.tables import TABLES

__all__ = ["FILE", "GRAINS", "Hypothesis", "default_map", "hypotheses", "read_hypotheses"]

FILE = "linkage.toml"
GRAINS = ("day", "week", "month")
_LONGEST_LAG = 366
_LEAST, _MOST = 1e-12, 1e12
"""Sizes of a step: beyond these no number is what was meant, and squares leave what a computer can write."""
_SIGNS = {"+": 1, "-": -1}


@dataclass(frozen=True)
class Hypothesis:
    """One edge as declared: what a step of the cause is expected to do to the effect.

    Args:
        cause: Metric id.
        effect: Metric id, another one.
        step: The named step of the cause, in its unit, not 0; every rung tells the effect of this step.
        expected_sign: +1 where the step should raise the effect, -1 where it should lower it.
        smallest_effect: Smallest effect of one step that matters, above 0, in the effect's unit.
        lags: First and last lag to look at, in grains, the cause first.
        unit: Dimension whose values are the units of a panel: ``"region"``.
        grain: Length of a period: day, week or month.
        confounders: Metrics or dimensions that move both, to be adjusted for.
        mediators: Metrics through which the cause is believed to act; never held fixed, but asked for their share.
        negative_controls: Metrics that the cause cannot move; an effect on one speaks against the method.
        changes: Dated changes of everybody, or of one value of a dimension, that moved the cause: events, deployments.
        exclusion: Why a change that moves the cause reaches the effect through it alone; empty = not claimed.
        about: Why it should be so.
        step_unit: Unit of the step, empty where not known.
        effect_unit: Unit of the effect, empty where not known.
        origin: Where it was read, file and line.

    Raises:
        InvalidInput: an edge from a metric to itself, a step of 0, a sign that is none, an effect that is not above
            0, lags or a grain that are none, a mediator that is named as something else, too.

    Example:
        >>> edge = Hypothesis("relevance", "conversion_rate", 0.05, +1, 0.005)
        >>> edge.key, edge.step_name
        ('relevance -> conversion_rate', 'relevance +0.05')
    """

    cause: str
    effect: str
    step: float
    expected_sign: int
    smallest_effect: float
    lags: tuple[int, int] = (0, 0)
    unit: str = "region"
    grain: str = "day"
    confounders: tuple[str, ...] = ()
    mediators: tuple[str, ...] = ()
    negative_controls: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    exclusion: str = ""
    about: str = ""
    step_unit: str = ""
    effect_unit: str = ""
    origin: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        wrong = [message for _, message in _wrong(vars(self))]
        if wrong:
            raise InvalidInput(f"Edge {self.key}: {' '.join(wrong)}")

    @property
    def key(self) -> str:
        """How the edge is called."""
        return f"{self.cause} -> {self.effect}"

    @property
    def by(self) -> tuple[str, ...]:
        """The dimensions whose values, together, name a unit."""
        return tuple(part.strip() for part in self.unit.split(",") if part.strip())

    @property
    def named(self) -> tuple[str, ...]:
        """All metrics and dimensions that it names: cause, effect, negative controls, mediators and confounders."""
        return (self.cause, self.effect, *self.negative_controls, *self.mediators, *self.confounders)

    @property
    def step_name(self) -> str:
        """The step as it is named: the cause and by how much it moves."""
        return f"{self.cause} {self.step_size}"

    @property
    def step_size(self) -> str:
        """By how much the step moves the cause, with its unit."""
        unit = "" if self.step_unit in ("", "1", "fraction", "score", "count") else f" {self.step_unit}"
        return f"{'+' if self.step > 0 else '−'}{abs(self.step):g}{unit}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}


_FIELDS = tuple(one.name for one in fields(Hypothesis) if one.name not in ("cause", "effect", "origin"))
_WRITTEN = (*(name for name in _FIELDS if name != "expected_sign"), "expected")
_NEEDED = ("step", "expected", "smallest_effect")
_LISTS = ("confounders", "mediators", "negative_controls", "changes")
_NO_WAYS = {
    "cause": "the edge's own cause", "effect": "the edge's own effect", "confounders": "one of its confounders",
    "negative_controls": "one of its negative controls",
}  # fmt: skip


def _wrong(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the values of an edge, as (field, message); fields that are not there are not judged."""
    if told["cause"] == told["effect"]:
        yield "cause", "an edge leads from one metric to another."
    if "step" in told and not (_is_number(told["step"]) and told["step"] != 0):
        yield (
            "step",
            f"step = {told['step']!r}: a number other than 0 is needed, in the cause's unit{_sized(told['step'])}.",
        )
    if "expected_sign" in told and told["expected_sign"] not in (1, -1):
        yield "expected", f"expected_sign = {told['expected_sign']!r}: it is +1 or -1."
    if "smallest_effect" in told and not (_is_number(told["smallest_effect"]) and told["smallest_effect"] > 0):
        yield (
            "smallest_effect",
            (
                f"smallest_effect = {told['smallest_effect']!r}: a number above 0 is needed, in the effect's unit"
                f"{_sized(told['smallest_effect'])}; "
                "the sign stands in 'expected'."
            ),
        )
    if "lags" in told:
        lags = told["lags"]
        good = isinstance(lags, list | tuple) and len(lags) == 2 and all(type(lag) is int for lag in lags)
        if not good or not 0 <= lags[0] <= lags[1] <= _LONGEST_LAG:
            yield (
                "lags",
                f"lags = {lags!r}: the first and the last lag are needed, from 0 to {_LONGEST_LAG}, as [0, 7].",
            )
    if "grain" in told and told["grain"] not in GRAINS:
        yield "grain", f"grain = {told['grain']!r}: it is one of {', '.join(GRAINS)}."
    for name in ("unit", "exclusion", "about"):
        if name in told and not isinstance(told[name], str):
            yield name, f"{name} = {told[name]!r}: it must be text."
    if isinstance(told.get("exclusion"), str) and told["exclusion"] and not told["exclusion"].strip():
        yield "exclusion", f"exclusion = {told['exclusion']!r}: it is blank; say why, or leave it out."
    listed = {name: told[name] for name in _LISTS if name in told}
    for name, value in listed.items():
        if not (isinstance(value, list | tuple) and all(isinstance(one, str) and one for one in value)):
            yield name, f"{name} = {value!r}: a list of names is needed."
            listed[name] = ()
    for one in listed.get("mediators", ()):
        others = {"cause": [told["cause"]], "effect": [told["effect"]]} | listed
        for role in (role for role in _NO_WAYS if one in others.get(role, ())):
            yield "mediators", f"{one!r} is {_NO_WAYS[role]}; a mediator is moved by the cause, and moves the effect."
    for name in ("step_unit", "effect_unit"):
        if told.get(name):
            try:
                check_unit(str(told[name]))
            except InvalidInput as error:
                yield name, f"{name}: {error}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and _LEAST <= abs(value) <= _MOST


def _sized(value: Any) -> str:
    """What is allowed, of a number that is too large or too small."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and value != 0
    return f", from {_LEAST:g} to {_MOST:g} in size" if is_one and not _is_number(value) else ""


def hypotheses(folder: Path, known: Collection[str]) -> tuple[Hypothesis, ...]:
    """Return the edges of a workspace: those of its ``linkage.toml``, or the default map where it has none.

    Args:
        folder: The workspace's folder.
        known: Ids of its metrics; or all names of its metrics, each with the id that the edges are then given by.

    Raises:
        ConfigurationError: the file declares what cannot be; every fault with its line.
        UnreadableFile: it is no TOML.
    """
    path = folder / FILE
    return read_hypotheses(path, known) if path.exists() else default_map(known)


def default_map(known: Collection[str] | None = None) -> tuple[Hypothesis, ...]:
    """Return the edges that come with the package: business from quality, quality from reliability and cost.

    Args:
        known: Ids of metrics; edges of others are left out. None = all edges.

    Example:
        >>> edges = {edge.key: edge for edge in default_map()}
        >>> edges["relevance -> task_success"].step_name
        'relevance +0.05'
    """
    with_package = Path(str(files("metricstack.linkage") / "default.toml"))
    edges = read_hypotheses(with_package, None)
    return tuple(edge for edge in edges if known is None or {edge.cause, edge.effect} <= set(known))


def read_hypotheses(path: Path, known: Collection[str] | None) -> tuple[Hypothesis, ...]:
    """Read the edges of one file.

    ``include_default = true`` above the edges adds those of the default map that the file does not declare itself.

    Args:
        path: The file.
        known: Ids of metrics, or names with their ids; None = any.

    Raises:
        ConfigurationError: the file declares what cannot be; every fault with its line.
        UnreadableFile: it is no TOML.
    """
    values, text = read_toml(path)
    faults: list[Fault] = []

    def fault(message: str, *place: str) -> None:
        faults.append(Fault(f"{path.name}:{line_of(text, *place)}: {message}"))

    for name in values:
        if name not in ("edges", "include_default"):
            guess = nearest(name, ("edges", "include_default"))
            hint = f" Did you mean {guess!r}?" if guess else " Edges stand under [edges.CAUSE.EFFECT]."
            fault(f"unknown section or key {name!r}.{hint}", name)
    include = values.get("include_default", False)
    if not isinstance(include, bool):
        fault(f"include_default = {include!r}: it is true or false.", "include_default")
    edges = values.get("edges", {})
    if not isinstance(edges, dict):
        fault("edges stand under [edges.CAUSE.EFFECT], one table for each.", "edges")
        edges = {}
    found: list[Hypothesis] = []
    places: dict[tuple[str, str], int] = {}
    for cause, effects in edges.items():
        first = next(iter(effects), "") if isinstance(effects, dict) else ""  # its header is where the cause is written
        _check_metric(cause, "cause", known, lambda message, at=(cause, first): fault(message, "edges", *at))
        if not isinstance(effects, dict):
            fault(f"{cause!r} must be a table of effects: [edges.{cause}.EFFECT].", "edges", cause)
            continue
        for effect, entry in effects.items():
            if not isinstance(entry, dict):
                fault(f"{effect!r} must be a table: [edges.{cause}.EFFECT].", "edges", cause, effect)
                continue
            wrong = list(_faults(cause, effect, entry, known))
            ids = _ids(known)
            pair = (ids.get(cause, cause), ids.get(effect, effect))
            if pair in places:
                wrong.append(("", f"it is declared in line {places[pair]} too."))
            places.setdefault(pair, line_of(text, "edges", cause, effect))
            for name, message in wrong:
                fault(f"edge {cause} -> {effect}: {message}", "edges", cause, effect, name)
            if not wrong:
                origin = f"{path.name}:{line_of(text, 'edges', cause, effect)}"
                found.append(_built(pair, entry, origin, ids))
    if faults:
        raise ConfigurationError(path.name, faults)
    if include is True:
        own = {edge.key for edge in found}
        found += [edge for edge in default_map(known) if edge.key not in own]
    return tuple(found)


def _check_metric(name: str, what: str, known: Collection[str] | None, tell: Any) -> None:
    if known is not None and name not in known:
        tell(f"{what}: {UnknownName('metric', name, known, remedy='List them with `metricstack metrics list`.')}")


def _faults(
    cause: str, effect: str, entry: Mapping[str, Any], known: Collection[str] | None
) -> Iterator[tuple[str, str]]:
    for name in entry:
        if name not in _WRITTEN:
            guess = nearest(name, _WRITTEN)
            yield (
                name,
                f"unknown field {name!r}. "
                + (f"Did you mean {guess!r}?" if guess else f"Allowed: {', '.join(_WRITTEN)}."),
            )
    for name in _NEEDED:
        if name not in entry:
            yield name, f"it has no {name!r}."
    if "expected" in entry and entry["expected"] not in list(_SIGNS):
        yield "expected", f'expected = {entry["expected"]!r}: it is "+" or "-".'
    told: list[tuple[str, str]] = []
    _check_metric(effect, "effect", known, lambda message: told.append(("", message)))
    yield from told
    ids = _ids(known)
    pair = {"cause": ids.get(cause, cause), "effect": ids.get(effect, effect)}
    yield from _wrong(pair | {name: entry[name] for name in entry if name in _FIELDS})
    if known is not None:
        yield from _misnamed({*pair.values()}, entry, known)
    for role in ("negative_controls", "mediators"):
        named = entry.get(role, [])
        for name in (one for one in named if isinstance(one, str)) if isinstance(named, list) else ():
            if name not in (cause, effect):
                wrong: list[tuple[str, str]] = []
                _check_metric(name, role, known, lambda message, at=wrong, role=role: at.append((role, message)))
                yield from wrong
            elif role == "negative_controls":
                yield role, f"{name!r} is the edge's own metric; a control is one that the cause cannot move."


def _misnamed(own: Collection[str], entry: Mapping[str, Any], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Names that nothing has, or that are there twice: they would be left out without a word."""
    columns = {column.name for table in TABLES.values() for column in table.columns}
    unit = entry.get("unit", "region")
    if isinstance(unit, str):
        parts = [part.strip() for part in unit.split(",")]
        if not all(parts) or len(set(parts)) < len(parts):
            yield "unit", f'unit = {unit!r}: a dimension is needed, or several, each once, as "region, channel".'
        else:
            yield from (("unit", f"unit: {UnknownName('dimension', part, columns)}") for part in parts
                        if part not in columns)  # fmt: skip
    ids, seen = _ids(known), set[str]()
    for field_name in ("negative_controls", "confounders"):
        listed = entry.get(field_name, [])
        for name in (ids.get(one, one) for one in listed if isinstance(one, str)) if isinstance(listed, list) else ():
            if name in seen:
                yield field_name, f"{name!r} is named twice among negative controls and confounders."
            elif field_name == "confounders" and name in own:
                yield field_name, f"{name!r} is the edge's own metric; a confounder is another that moves both."
            elif field_name == "confounders" and name not in known and name not in columns:
                yield (
                    field_name, f"confounders: {UnknownName('metric or dimension', name, [*known, *columns])}"
                )  # fmt: skip
            seen.add(name)


def _ids(known: Collection[str] | None) -> Mapping[str, str]:
    """The ids of names, where they are told."""
    return known if isinstance(known, Mapping) else {}


def _built(pair: tuple[str, str], entry: Mapping[str, Any], origin: str, ids: Mapping[str, str]) -> Hypothesis:
    plain = {name: entry[name] for name in _FIELDS if name in entry}
    for name in ("lags", *_LISTS):
        if name in plain:
            plain[name] = tuple(one if name == "changes" else ids.get(one, one) for one in plain[name])
    for name in ("step", "smallest_effect"):
        plain[name] = float(plain[name])
    return Hypothesis(*pair, expected_sign=_SIGNS[entry["expected"]], origin=origin, **plain)
