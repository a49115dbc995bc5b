"""The table of DESIGN §1, read from the source: an arrow that it does not allow fails here."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import featx

ROOT = Path(featx.__file__).parent

#: What each part of featx may import of featx; errors and config are free to all but themselves.
ALLOWED = {
    "__init__": {"api", "session", "sklearn"},  # by name, when they are first asked for
    "__main__": {"cli"},
    "errors": set(),
    "files": set(),
    "markup": set(),
    "settings": {"errors"},
    "data": {"errors", "settings", "markup"},
    "evaluation": {"errors", "settings", "data"},
    "features": {"errors", "files", "settings", "data"},
    "runs": {"errors", "files", "settings", "data", "evaluation"},
    "baselines": {"errors", "settings", "data", "evaluation", "features"},
    "training": {"errors", "files", "settings", "data", "evaluation", "features"},
    "reporting": {"errors", "files", "settings", "markup", "runs", "evaluation"},
    "prediction": {"errors", "settings", "runs", "features", "baselines", "training"},
    "sklearn": {"errors", "settings", "features"},
    "experiment": {
        "errors", "files", "settings", "data", "evaluation", "features", "runs", "baselines", "training", "reporting",
        "prediction", "markup",
    },
    "session": {"errors", "settings", "experiment"},
    # The same commands as functions.
    "api": {"errors", "settings", "data", "reporting", "experiment", "session"},
    "cli": {"errors", "settings", "experiment", "session", "markup"},
}  # fmt: skip
#: The token side of features: all that training may use of it.
TOKEN_SIDE = {
    "featx.features.tokens", "featx.features.batches", "featx.features.checkpoint", "featx.features.memory",
    "featx.features.weights", "featx.features.configuration", "featx.features.native_types",
}  # fmt: skip
#: Packages that are slow to import, and so are imported where they are used.
HEAVY = {
    "torch", "transformers", "sklearn", "pandas", "matplotlib", "wandb", "datasets", "scipy", "pyarrow", "skops", "rich", "obstore"
}  # fmt: skip
#: What a part cannot do without when it is imported: the classes in `featx.sklearn` are scikit-learn's children.
OWN_HEAVY = {"sklearn": {"sklearn"}}
#: Packages that one module of features may use, and without which the others work.
OPTIONAL = {"adapters.py": {"peft"}, "ray_cluster.py": {"ray"}, "objects.py": {"obstore"}}
#: Packages that features may use at all.
FEATURES_MAY_USE = {"numpy", "torch", "transformers", "safetensors", "huggingface_hub", "threadpoolctl", "tokenizers"}

MODULES = sorted(ROOT.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path, types: bool = True) -> list[tuple[str, bool]]:
    """Imported modules and whether they stand at the top level (outside functions and TYPE_CHECKING).

    Without `types`, those under TYPE_CHECKING are left out.
    """
    found = []
    tree = ast.parse(path.read_text())

    def visit(node: ast.AST, top: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend((alias.name, top) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}: relative import"
                found.extend((f"{child.module}.{alias.name}", top) for alias in child.names)
            else:
                is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                is_typing = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
                if types or not is_typing:
                    visit(child, top and not is_function and not is_typing)

    visit(tree, top=True)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_allowed_arrows(path: Path) -> None:
    part = part_of(path)
    for name, _ in imports(path):
        parts = name.split(".")
        if parts[0] != "featx" or len(parts) == 1:
            continue
        target = parts[1]
        if target not in ALLOWED or target == part:
            continue
        assert target in ALLOWED[part], f"{part} may not import {target} ({path})"
        if part == "training" and target == "features":
            assert ".".join(parts[:3]) in TOKEN_SIDE, f"training may use the token side of features only, not {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_packages_are_imported_where_they_are_used(path: Path) -> None:
    own = OWN_HEAVY.get(part_of(path), set())
    heavy = [name for name, top in imports(path) if top and name.split(".")[0] in HEAVY - own]
    assert not heavy, f"{path} imports {heavy} at its top level"


@pytest.mark.parametrize("path", sorted((ROOT / "features").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_features_run_on_a_bare_gpu_box(path: Path) -> None:
    for name, _ in imports(path):
        package = name.split(".")[0]
        optional = OPTIONAL.get(path.name, set())
        assert package in FEATURES_MAY_USE | optional | {"featx"} | set(sys.stdlib_module_names), (
            f"{path} imports {package}"
        )


def test_the_table_names_every_part() -> None:
    parts = {part_of(path) for path in MODULES}
    assert parts <= set(ALLOWED)


def _module(path: Path) -> str:
    return ".".join(("featx", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def test_there_is_no_circle_of_files() -> None:
    """Imports in functions count; those for types alone, which never run, do not."""
    modules = {_module(path): path for path in MODULES}

    def file_of(name: str) -> str:
        while name not in modules:
            name = name.rpartition(".")[0]
        return name

    needs = {
        module: {file_of(name) for name, _ in imports(path, types=False) if name.split(".")[0] == "featx"} - {module}
        for module, path in modules.items()
    }
    while True:  # what needs nothing that is left is in no circle
        free = {module for module, wanted in needs.items() if not wanted & needs.keys()}
        if not free:
            break
        needs = {module: wanted for module, wanted in needs.items() if module not in free}
    needed = set().union(*needs.values()) & needs.keys()
    circles = sorted(module for module in needs if module in needed)
    assert not circles, f"a circle of files is among these: {circles}"


def test_metrics_are_computed_in_evaluation_only() -> None:
    for path in MODULES:
        if part_of(path) != "evaluation":
            names = {name for name, _ in imports(path)} - {
                "sklearn.metrics.pairwise",
                "sklearn.metrics.pairwise.rbf_kernel",
            }  # no metrics
            assert not any(name.startswith("sklearn.metrics") for name in names), path


def loaded_by(code: str) -> set[str]:
    output = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}; import sys; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return {name.split(".")[0] for name in output.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "code",
    [
        "import featx",
        "from featx.cli.group import cli; cli.main(['--help'], standalone_mode=False)",
        "from featx.cli.group import cli; cli.main(['extract', '--help'], standalone_mode=False)",
        "from featx.cli.group import cli; cli.main(['finetune', '--help'], standalone_mode=False)",
    ],
)
def test_help_loads_nothing_heavy(code: str) -> None:
    assert not loaded_by(code) & HEAVY


def test_report_does_not_load_torch() -> None:
    assert not loaded_by("import featx.experiment.report") & {"torch", "transformers", "sklearn", "datasets"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_function_is_over_60_lines(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            n_lines = node.end_lineno - node.lineno + 1
            assert n_lines <= 60, f"{path}: {node.name} has {n_lines} lines; split it where it does two things"
