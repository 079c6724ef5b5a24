"""What holds the house up: imports go down only, heavy imports have one home, importing does no work."""

import ast
import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import metricstack
from metricstack.core.show import RENDERERS

SOURCE = Path(metricstack.__file__).parent
FLOORS = (
    {"core"},
    {"telemetry", "numerics"},
    {"governance"},
    {"sources", "simulation", "metrics"},
    {"experiments"},
    {"linkage"},
    {"economics"},
    {"decisions"},
    {"charts", "narrative"},
    {"reports"},
    {"cli"},
)
HEIGHT = {name: height for height, names in enumerate(FLOORS) for name in names}
HOMES = {
    "altair": {"charts"},
    "vl_convert": {"charts"},
    "papermill": {"reports"},
    "nbconvert": {"reports"},
    "nbclient": {"reports"},
    "nbformat": {"reports"},
    "ibis": {"telemetry", "sources", "metrics"},
}
INSIDE_FUNCTIONS_ONLY = {"statsmodels"}
MODULES = sorted(SOURCE.rglob("*.py"))


def floor_of(path: Path) -> str:
    """Name the floor of a module; the package's own face is above all."""
    return path.relative_to(SOURCE).parts[0] if path.parent != SOURCE else "face"


def imports(tree: ast.AST, *, runtime_only: bool = True) -> list[tuple[str, bool]]:
    """List (module, at top level) of every import that runs."""
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if runtime_only and isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for child in block.body
        for node in ast.walk(child)
    }
    inside = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(block)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) not in inside) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "metricstack":
                names = [f"metricstack.{alias.name}" for alias in node.names]
            found += [(name, id(node) not in inside) for name in names]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_imports_go_down_only_and_heavy_ones_stay_home(path: Path) -> None:
    floor, tree = floor_of(path), ast.parse(path.read_text(encoding="utf-8"))
    if floor == "face":
        assert [name for name, top in imports(tree) if top and name not in {"importlib", "typing"}] == []
        return
    for name, top in imports(tree):
        head, _, rest = name.partition(".")
        if head == "metricstack" and rest and rest != "__version__":
            below = rest.partition(".")[0]
            assert below == floor or HEIGHT[below] < HEIGHT[floor], f"{floor} must not import {name}"
        if head in HOMES:
            assert floor in HOMES[head], f"{head} lives in {HOMES[head]}, not in {floor}"
        if head in INSIDE_FUNCTIONS_ONLY:
            assert not top, f"{head} is imported inside the function that uses it"


def test_every_folder_is_a_floor_of_the_plan() -> None:
    folders = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert folders <= set(HEIGHT)


def test_the_one_look_up_upward_names_functions_that_exist() -> None:
    for path in RENDERERS.values():
        module, _, function = path.partition(":")
        assert HEIGHT[module.split(".")[1]] > HEIGHT["metrics"]
        assert callable(getattr(importlib.import_module(module), function))


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = ["pandas", "ibis", "altair", "statsmodels", "duckdb", "papermill", "numpy", "pyarrow", "scipy"]
    code = f"import sys, json, metricstack; print(json.dumps([n for n in {heavy} if n in sys.modules]))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []


# The public face

PUBLIC = [
    importlib.import_module(f"metricstack.{path.relative_to(SOURCE).with_suffix('').as_posix().replace('/', '.')}")
    for path in MODULES
    if path.name not in {"__init__.py", "__main__.py"}
]


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_every_module_and_public_callable_is_documented(module: object) -> None:
    assert (module.__doc__ or "").strip(), f"{module.__name__} says nothing of itself"
    for name in getattr(module, "__all__", ()):
        thing = getattr(module, name)
        if not callable(thing) or getattr(thing, "__module__", None) != module.__name__:
            continue
        doc = inspect.getdoc(thing) or ""
        assert doc, f"{module.__name__}.{name} is not documented"
        assert not doc.startswith(f"{name}("), f"{module.__name__}.{name} has no words of its own"
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                    inherited = inspect.getdoc(getattr(thing, member))
                    assert inherited, f"{module.__name__}.{name}.{member} is not documented"


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_exports_are_complete_and_exist(module: object) -> None:
    exported = set(getattr(module, "__all__", ()))
    assert exported, f"{module.__name__} does not say what it exports"
    assert all(hasattr(module, name) for name in exported)
    own = {
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(thing) or inspect.isclass(thing))
        and thing.__module__ == module.__name__
    }
    stray = sorted(own - exported)
    assert not stray, f"{module.__name__}: {stray} is neither exported nor private"


def test_the_face_names_every_floor_that_exists() -> None:
    folders = {path.parent.name for path in SOURCE.glob("*/__init__.py")} - {"cli"}
    assert folders == {name for name in metricstack.__all__ if name in HEIGHT}
    assert all(getattr(metricstack, name) for name in metricstack.__all__)


def test_an_unknown_attribute_of_the_face_lists_the_known() -> None:
    with pytest.raises(AttributeError, match="It has: "):
        _ = metricstack.metircs
