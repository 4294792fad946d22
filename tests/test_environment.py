"""pyproject.toml, requirements.lock, environment.yml and what is installed say the same."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = ("requirements.lock", "requirements-clients.lock")


def lines(lock: str) -> list[str]:
    return (ROOT / lock).read_text(encoding="utf-8").split()


def pinned(lock: str) -> dict[str, Version]:
    pairs = (line.split("==") for line in lines(lock))
    return {canonicalize_name(name): Version(version) for name, version in pairs}


PINNED = pinned("requirements.lock")


def wanted() -> list[Requirement]:
    """Every requirement of pyproject.toml: of the library, the book and the tests."""
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(r) for r in [*PROJECT["dependencies"], *(r for e in extras for r in e)]]


@pytest.mark.parametrize("requirement", wanted(), ids=str)
def test_every_range_of_pyproject_admits_the_pinned_version(requirement):
    assert PINNED[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_exact_public_versions_only(lock):
    for line in lines(lock):
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line), line


def test_lock_is_closed():
    """Whatever a pinned package needs on this platform is pinned too, at a version it accepts."""
    for name in PINNED:
        for text in metadata.requires(name) or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                version = PINNED.get(canonicalize_name(needed.name))
                assert version is not None, f"{name} needs {needed}, which is not pinned"
                assert needed.specifier.contains(version, prereleases=True), f"{name}: {needed}"


def test_other_packages_models_run_on_the_same_torch_and_library():
    """What both locks pin is one version; the library's own dependencies are in both."""
    clients = pinned("requirements-clients.lock")
    shared = clients.keys() & PINNED.keys()
    assert {name: clients[name] for name in shared} == {name: PINNED[name] for name in shared}
    assert {canonicalize_name(Requirement(r).name) for r in PROJECT["dependencies"]} <= shared
    assert not [name for name in clients if name.startswith(("torchvision", "nvidia", "triton"))]


def test_installed_versions_are_the_pinned_ones():
    """A local label such as +cpu is the same release."""
    different = {
        name: (metadata.version(name), str(version))
        for name, version in PINNED.items()
        if Version(metadata.version(name)).public != version.public
    }
    assert not different


def test_conda_environment_is_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    [pip] = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    assert "--requirement requirements.lock" in pip
    assert "--editable ." in pip
    [python] = [d for d in environment["dependencies"] if str(d).startswith("python ")]
    assert python.removeprefix("python ") == PROJECT["requires-python"]


def imported_modules(source: str) -> set[str]:
    """Top-level names that a Python file imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def imports_of(*folders: str) -> dict[str, str]:
    """Return what the files of folders import from other packages, each with one such file."""
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    own = {path.stem for path in files} | {"swatlib", "_typeshed"}
    sources = {path: path.read_text(encoding="utf-8") for path in files}
    for path in [path for folder in folders for path in (ROOT / folder).rglob("[!.]*.ipynb")]:
        cells = nbformat.read(path, as_version=4).cells
        sources[path] = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    return {
        module: path.relative_to(ROOT).as_posix()
        for path, source in sources.items()
        if not path.is_relative_to(ROOT / "tests" / "clients")  # another environment
        for module in imported_modules(source)
        if module not in own and module not in sys.stdlib_module_names
    }


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(r).name) for r in requirements}


PROVIDERS = metadata.packages_distributions()


def provided_by(module: str) -> set[str]:
    return {canonicalize_name(name) for name in PROVIDERS.get(module, [])}


EXTRAS = {extra: names(wanted) for extra, wanted in PROJECT["optional-dependencies"].items()}
LIBRARY = names(PROJECT["dependencies"])

# What no file imports is called: by a command, or by its name in the book's configuration.
CALLED = {
    "ipykernel": ("book/_ext/execute.py", "(ipykernel)"),
    "jupyter-book": ("Makefile", "/jupyter-book build"),
    "jupyterlab": ("Makefile", "/jupyter lab"),
    "mypy": ("Makefile", "/mypy"),
    "pytest-xdist": ("Makefile", "--dist loadfile"),
    "ruff": ("Makefile", "/ruff check"),
    "sphinx-exercise": ("_config.yml", "- sphinx_exercise"),
    "sphinx-mathjax-offline": ("book/_ext/offline.py", 'find_spec("sphinx-mathjax-offline")'),
    "sphinx-proof": ("_config.yml", "- sphinx_proof"),
    "sphinxcontrib-bibtex": ("_config.yml", "bibtex_bibfiles:"),
}


@pytest.mark.parametrize(
    ("folders", "declared"),
    [
        (("swatlib",), LIBRARY | EXTRAS["dask"]),
        (("book", "tests"), LIBRARY.union(*EXTRAS.values())),
    ],
    ids=["library", "book and tests"],
)
def test_every_import_is_a_declared_dependency(folders, declared):
    """An import that only works because some other package pulled it in breaks one day."""
    undeclared = {
        module: path
        for module, path in imports_of(*folders).items()
        if not provided_by(module) & declared
    }
    assert not undeclared


def test_every_dependency_of_the_library_is_imported_by_it():
    used = set().union(*map(provided_by, imports_of("swatlib")))
    assert sorted(LIBRARY - used) == []


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_dependency_that_is_optional_is_imported_or_called(extra):
    used = set().union(*map(provided_by, imports_of("swatlib", "book", "tests")))
    assert sorted(EXTRAS[extra] - used - CALLED.keys()) == []
    for name in EXTRAS[extra] & CALLED.keys():
        file, call = CALLED[name]
        assert call in (ROOT / file).read_text(encoding="utf-8"), f"{file} no longer calls {name}"


def test_what_is_called_is_declared():
    assert CALLED.keys() <= set().union(*EXTRAS.values())


def test_citation_and_package_name_the_same_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]


def words(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def test_the_guide_names_targets_and_files_that_exist():
    guide = words("CONTRIBUTING.md")
    targets = set(re.findall(r"^([a-z0-9-]+):", words("Makefile"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z0-9-]+)", guide))
    assert named
    assert named <= targets
    for path in re.findall(r"`((?:swatlib|tests|book|\.ci)/[\w./-]*\w)`", guide):
        assert (ROOT / path).exists() or "/NN-" in path, path


def test_the_guide_shows_the_toy_method_that_is_tested():
    toy = re.search(r"```python\n(@dataclass.*?)\n    return ", words("CONTRIBUTING.md"), re.DOTALL)
    assert toy[1] in words("tests/methods/test_method.py")


def test_hooks_are_the_linters_and_fetch_nothing():
    [repository] = yaml.safe_load(words(".pre-commit-config.yaml"))["repos"]
    assert repository["repo"] == "local"
    entries = [hook["entry"] for hook in repository["hooks"]]
    lint = re.search(r"^lint: .*\n((?:\t.*\n)+)", words("Makefile"), re.MULTILINE)[1]
    assert entries == re.findall(r"\$\(BIN\)/(.*?)(?: \.)?\n", lint)
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}


def test_the_hosted_workflow_runs_the_same_script():
    workflow = yaml.safe_load(words(".github/workflows/ci.yml"))
    [job] = workflow["jobs"].values()
    assert job["steps"][-1]["run"] == "bash .ci/run"
    assert PROJECT["requires-python"].removeprefix(">=") in job["container"]
