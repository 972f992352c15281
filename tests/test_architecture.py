"""The layout's promises: dependencies point one way, heavy imports stay where they belong, modules stay small."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

REPOSITORY = Path(__file__).parent.parent
PACKAGES = ("app", "cache", "engine")
SOURCES = sorted(path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py"))

# What the dashboard imports before it shows a page: it must not wait for torch.
QUICK_MODULES = (
    "engine",
    "engine.study",
    "engine.errors",
    "engine.progress",
    "engine.refusals",
    "engine.classes",
    "engine.judged_by",
    "engine.checkpoints",
    "engine.experiments.climb",
    "engine.experiments.synthetic",
    "engine.reweight.programme",
    "engine.reweight.groups",
    "engine.reweight.thresholds",
)
QUICK_FOLDERS = ("engine.frontier", "cache", "app.figures", "app.jobs", "app.components")


def module_name(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in SOURCES}


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    """All imports, wherever in a module they stand."""
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


def importers(imports: grimp.ImportGraph, package: str) -> set[str]:
    assert package in imports.modules, f"nothing imports {package}: is the graph whole?"
    return imports.find_modules_that_directly_import(package)


def is_in(module: str, *places: str) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def test_every_source_is_in_the_graph(imports: grimp.ImportGraph) -> None:
    missing = set(MODULES) - imports.modules

    assert not missing, "a folder without __init__.py hides its modules"


def test_dependencies_point_one_way(imports: grimp.ImportGraph) -> None:
    against = {
        f"{importer} imports {imported}"
        for upper, lower in (("app", "cache"), ("app", "engine"), ("cache", "engine"))
        for importer in imports.find_descendants(lower) | {lower}
        for imported in imports.find_modules_directly_imported_by(importer)
        if is_in(imported, upper)
    }

    assert not against


def test_streamlit_is_imported_by_what_is_on_the_page_only(imports: grimp.ImportGraph) -> None:
    elsewhere = {
        module
        for module in importers(imports, "streamlit")
        if not is_in(module, "app.pages", "app.components", "app.dashboard")
    }

    assert not elsewhere


def test_duckdb_is_imported_by_the_cache_only_and_not_by_its_run_folders(imports: grimp.ImportGraph) -> None:
    elsewhere = {
        module
        for module in importers(imports, "duckdb")
        if not is_in(module, "cache") or is_in(module, "cache.store", "cache.run_folder", "cache.fingerprints")
    }

    assert not elsewhere


def test_ray_is_imported_where_tasks_are_sent_only(imports: grimp.ImportGraph) -> None:
    allowed = {"engine.tasks.ray_cluster", "engine.tasks.ray_pool", "engine.tasks.ray_worker"}

    assert importers(imports, "ray") <= allowed


def test_ray_is_not_needed_where_it_is_not_asked_for() -> None:
    # Only a fresh interpreter tells what an import brings along.
    report = "import sys; sys.modules['ray'] = None; import app.workflow.commands, engine.tasks"
    result = subprocess.run([sys.executable, "-c", report], cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr


def test_what_opens_with_a_page_does_not_import_torch() -> None:
    quick = [module for module in MODULES if module in QUICK_MODULES or is_in(module, *QUICK_FOLDERS)]
    assert {"engine.study", "cache.store", "app.figures.palette"} <= set(quick)
    report = (
        "import importlib, sys\n"
        "for module in sys.argv[1:]:\n"
        "    importlib.import_module(module)\n"
        "    if 'torch' in sys.modules:\n"
        "        sys.exit(f'{module} imports torch')\n"
    )

    # Only a fresh interpreter tells what an import brings along.
    result = subprocess.run(
        [sys.executable, "-c", report, *quick], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stderr


def test_no_module_holds_more_than_350_lines() -> None:
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in MODULES.items()}

    assert not {module: length for module, length in lengths.items() if length > 350}


def test_a_name_says_what_is_inside() -> None:
    vague = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}

    assert not [
        module for module in MODULES if vague & {word for part in module.split(".") for word in part.split("_")}
    ]
