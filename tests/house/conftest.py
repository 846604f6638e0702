"""A wheel of this checkout, and a fresh environment that holds it."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """A wheel built from a copy of the tree, so that no build folder is left behind, and with no npm to be found."""
    home = tmp_path_factory.mktemp("wheel")
    copy = home / "source"
    leave = shutil.ignore_patterns("node_modules", "__pycache__", "*.egg-info")
    for name in ("ganwidgets", "js", "notebooks"):
        shutil.copytree(ROOT / name, copy / name, ignore=leave)
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, copy / name)
    (copy / "tests").mkdir()
    (copy / "tests" / "test_nothing.py").write_text("")
    weights = copy / "ganwidgets" / "world" / "weights"
    weights.mkdir(exist_ok=True)
    (weights / "planted-discriminator.safetensors").write_bytes(b"x" * 1000)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(home), str(copy)]
    built = subprocess.run(command, capture_output=True, text=True, env=without_npm(home))
    assert built.returncode == 0, built.stdout + built.stderr
    return next(home.glob("*.whl"))


def without_npm(home: Path) -> dict[str, str]:
    """The environment with a PATH that leads to nothing."""
    empty = home / "empty"
    empty.mkdir(exist_ok=True)
    return {**os.environ, "PATH": str(empty), "PYTHONPATH": "", "OMP_NUM_THREADS": "1"}


def installed(wheel: Path, home: Path) -> Path:
    """The Python of a fresh environment that holds the wheel, and sees this one's libraries through a path file."""
    venv = home / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = venv / "bin" / "python"
    command = [python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel]
    subprocess.run(command, check=True, env=without_npm(home))
    site = next((venv / "lib").glob("python3*/site-packages"))
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python
