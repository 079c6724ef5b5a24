"""The answer on one screen: the headline, the four layers, and the same four for every use case."""

from metricstack.core.units import write
from metricstack.core.values import Estimate
from metricstack.narrative.caveats import say_chance
from metricstack.narrative.headline import Headline, Moved, headline
from metricstack.reports import components
from metricstack.reports.html import Html, element, fragment
from metricstack.reports.review.board import Board
from metricstack.reports.review.pieces import column
from metricstack.reports.review.plan import LAYERS, every_metric
from metricstack.telemetry import UseCase, WorkspaceConfig

__all__ = ["four_layers", "headline_html", "layer_board", "use_case_blocks"]


def layer_board(board: Board) -> tuple[Moved, ...]:
    """List the key metrics of the four layers for the whole company."""
    return tuple(moved for layer in LAYERS for moved in board.moved(layer.metrics, layer=layer.name))


def headline_html(board: Board, recorded: str) -> Html:
    """Write the sentence of the quarter and what it stands on, what went well first."""
    said: Headline = headline(
        layer_board(board),
        period=str(board.now.window),
        against=str(board.before.window),
        promised=board.moved(every_metric()),
    )
    compared = said.better or said.worse or said.steady
    points = (*said.bullets, recorded) if compared else (recorded, *said.bullets)
    partial = [components.note(f"Only a part of a quarter: {said}.") for said in board.partial()]
    return fragment([components.headline(said.sentence, points), *partial])


def four_layers(board: Board) -> Html:
    """Write the four layers side by side, each metric against the quarter before and its target."""
    columns = (column(layer, board.moved(layer.metrics, layer=layer.name)) for layer in LAYERS)
    compared = [m for m in layer_board(board) if isinstance(m.change.difference, Estimate)]
    chance = f"Below each number its 95\u00a0% interval. {say_chance(len(compared))}".rstrip()
    return fragment([element("div", *columns, kind="ms-layers"), components.note(chance)])


def use_case_blocks(board: Board, config: WorkspaceConfig) -> Html:
    """Write one four-layer block per use case, with its card: what success means there and who owns it."""
    names = board.groups("use_case")
    if not names:
        words = "No use case can be told apart: no table of this quarter names one, or each holds too little."
        return element("p", words, kind="ms-refusal")
    return fragment(_block(board, name, config.use_cases.get(name), config.currency) for name in names)


def _block(board: Board, name: str, said: UseCase | None, currency: str) -> Html:
    where = (("use_case", name),)
    columns = (
        column(layer, board.moved(layer.metrics[: layer.per_use_case], where, layer=layer.name), level="h4")
        for layer in LAYERS
    )
    return element(
        "section",
        element("h3", said.title if said is not None and said.title else name),
        _about(said, currency),
        element("div", *columns, kind="ms-layers"),
        kind="ms-use-case",
    )


def _about(said: UseCase | None, currency: str) -> Html:
    if said is None:
        words = "No card in metricstack.toml says what success means here, nor who owns it."
        return element("p", words, kind="ms-about")
    facts = [said.success, f"Owner: {said.owner}." if said.owner else ""]
    if said.acceptable_latency is not None:
        facts.append(f"Acceptable latency: {write(said.acceptable_latency, 's')}.")
    if said.cost_boundary is not None:
        facts.append(f"Cost boundary: {write(said.cost_boundary, f'{currency}/outcome')}.")
    return element("p", " ".join(fact for fact in facts if fact), kind="ms-about")
