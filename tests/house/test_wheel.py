"""The wheel: what is in it, and that it works where there is no Node."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from .conftest import installed, without_npm

ROOT = Path(__file__).parents[2]
FIRST_PICTURE = """
import sys
from pathlib import Path
import ganwidgets as gw
assert Path(gw.__file__).is_relative_to(sys.prefix), gw.__file__
assert "storybook" in gw.available()
g = gw.load("storybook", device="cpu")
picture = g.images(g.sample([0]))
assert picture.shape == (1, 3, g.image_size, g.image_size), picture.shape
assert picture.min() >= -1 and picture.max() <= 1 and picture.std() > .05
segments = g.companions["segmenter"]().segment(picture)
assert segments.any()
from ganwidgets.widgets import paintbox
assert (Path(gw.__file__).parent / "static" / "paintbox.js").stat().st_size > 1000
from ganwidgets.lessons import lessons
assert all(Path(each.path).is_relative_to(sys.prefix) for each in lessons()) and len(lessons()) > 1
print("drawn")
"""


@pytest.mark.slow
def test_contents(wheel):
    assert wheel.stat().st_size <= 25e6
    names = zipfile.ZipFile(wheel).namelist()
    assert {"ganwidgets/py.typed", "ganwidgets/static/paintbox.js", "ganwidgets/static/.js.sha256",
            "ganwidgets/world/weights/storybook.safetensors", "ganwidgets/world/weights/storybook.md"} <= set(names)
    books = {f"ganwidgets/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert books and books == {name for name in names if name.endswith(".ipynb")}
    kept = {f"ganwidgets/notebooks/cache/{path.name}" for path in (ROOT / "notebooks" / "cache").glob("lesson-*")}
    assert kept and kept == {name for name in names if "/cache/" in name}
    assert not [name for name in names if "discriminator" in name or "variant-" in name]
    assert not [name for name in names if name.split("/")[0] in ("tests", "js", "claims", "benchmarks", "notebooks")]
    assert any(name.endswith("licenses/LICENSE") for name in names)
    packages = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "ganwidgets").rglob("*.py")}
    assert {name.rpartition("/")[0] for name in names if name.endswith(".py")} == packages


@pytest.mark.slow
def test_draws_its_first_picture_where_there_is_no_node(wheel, tmp_path):
    """A fresh environment that holds the wheel, and sees this one's libraries through a path file."""
    python, env = installed(wheel, tmp_path), without_npm(tmp_path)
    done = subprocess.run([python, "-c", FIRST_PICTURE], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and "drawn" in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
def test_a_changed_front_end_without_npm_says_what_to_do(tmp_path):
    copy = tmp_path / "source"
    (copy / "js" / "src").mkdir(parents=True)
    (copy / "ganwidgets" / "static").mkdir(parents=True)
    for name in ("setup.py", "pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    (copy / "README.md").write_text("# nothing")
    (copy / "ganwidgets" / "__init__.py").write_text('__version__ = "0"')
    for name in ("package.json", "package-lock.json", "build.mjs"):
        (copy / "js" / name).write_text("{}")
    (copy / "ganwidgets" / "static" / ".js.sha256").write_text("0" * 64)
    done = subprocess.run([sys.executable, "setup.py", "build_js"], cwd=copy, env=without_npm(tmp_path),
                          capture_output=True, text=True)
    assert done.returncode != 0
    assert "npm is missing" in done.stderr and "Traceback" not in done.stderr
