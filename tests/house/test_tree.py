"""What holds for the files of the repository: lengths, versions, the bundle, notebooks, nothing forgotten."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ganwidgets as gw

ROOT = Path(__file__).parents[2]
FOLDERS = ("ganwidgets", "tests", "claims", "benchmarks")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
SCRIPTS = sorted(path for path in (ROOT / "js" / "src").rglob("*.ts") if path.name != "messages.ts")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LESSON_IMPORTS = {"ganwidgets", "numpy", "torch", "safetensors", "PIL", "pandas", "IPython", "ipywidgets", "ipycanvas"}


def test_there_is_something_to_look_at():
    assert len(SOURCES) > 40 and len(SCRIPTS) > 5 and NOTEBOOKS


@pytest.mark.parametrize("path", [*SOURCES, *SCRIPTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_length(path):
    assert len(path.read_text().splitlines()) < 400


@pytest.mark.parametrize("path", [path for path in SOURCES if path.is_relative_to(ROOT / "ganwidgets")],
                         ids=lambda path: str(path.relative_to(ROOT)))
def test_opens_with_a_sentence(path):
    assert re.match(r'\s*("""|r""")\S.{10,}', path.read_text()), f"{path} does not open with a sentence"


def test_no_path_of_one_machine():
    own = re.compile(r"/(root|home/\w+|work)/")
    for path in [*SOURCES, *SCRIPTS, *NOTEBOOKS, *ROOT.glob("*.md"), ROOT / "Makefile"]:
        assert path == Path(__file__) or not own.search(path.read_text()), path


def test_version_is_the_same_everywhere():
    assert json.loads((ROOT / "js" / "package.json").read_text())["version"] == gw.__version__
    assert f"## [{gw.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_bundle_is_the_one_that_js_describes():
    assert (ROOT / "ganwidgets" / "static" / ".js.sha256").read_text().strip() == js_digest()


def test_bundles_are_small_and_whole():
    bundles = sorted((ROOT / "ganwidgets" / "static").glob("*.js"))
    assert bundles
    for path in bundles:
        text = path.read_text()
        assert path.stat().st_size <= 60_000, path
        assert "https://cdn" not in text and "unpkg.com" not in text
        assert not re.search(r"""\bimport\s*(\{[^}]*\}|\w+)\s*from\s*["']""", text), f"{path.name} imports another file"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_clean(path):
    book = json.loads(path.read_text())
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert code
    for cell in code:
        assert cell["outputs"] == [] and cell["execution_count"] is None, f"{path.name} carries outputs: clear them"
    assert "widgets" not in book["metadata"]
    assert book["metadata"]["kernelspec"]["name"] == "python3"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_uses_public_names_only(path):
    book = json.loads(path.read_text())
    text = "\n".join("".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code")
    for module in re.findall(r"^\s*(?:from|import)\s+([\w.]+)", text, re.MULTILINE):
        top = module.split(".")[0]
        assert top in LESSON_IMPORTS or top in sys.stdlib_module_names, f"{path.name} imports {module}"
        assert module == "ganwidgets" or top != "ganwidgets", f"{path.name} imports {module}: use gw.NAME"
    for name in re.findall(r"\bgw\.(\w+)", text):
        assert name in gw.__all__, f"{path.name} uses gw.{name}"
    assert "assert" in text, f"{path.name} ends in no assertion"


def test_every_net_of_the_bundle_has_a_card():
    weights = ROOT / "ganwidgets" / "world" / "weights"
    nets = [path for path in weights.glob("*.safetensors") if not path.stem.endswith("-discriminator")]
    assert nets
    for path in nets:
        card = path.with_suffix(".md").read_text()
        assert "CC0" in card, f"the card of {path.name} does not name its licence"


def test_shell_scripts_parse():
    for path in [*(ROOT / "scripts").glob("*.sh"), ROOT / ".ci" / "run"]:
        subprocess.run(["bash", "-n", str(path)], check=True)
        assert path.stat().st_mode & 0o111, f"{path} cannot be run"
        assert "set -euo pipefail" in path.read_text()


def js_digest() -> str:
    """The digest as setup.py computes it, without running its setup()."""
    import setuptools

    spec = importlib.util.spec_from_file_location("gw_setup", ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    real, setuptools.setup = setuptools.setup, lambda **_: None
    try:
        spec.loader.exec_module(module)
    finally:
        setuptools.setup = real
    return module.js_digest()
