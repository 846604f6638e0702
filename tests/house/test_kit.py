"""The kit for a room with no network: what is in it installs from it alone, and what is missing is said."""

import subprocess
import sys
import zipfile

import pytest

from ganwidgets import kit
from ganwidgets.core.errors import ArgumentError, GanwidgetsError


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A registry of two small packages, one of which needs the other, and no network."""
    folder = tmp_path / "registry"
    folder.mkdir()
    small_wheel(folder, "tiny", needs="tinier")
    small_wheel(folder, "tinier")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(kit, "own_wheel", lambda wheels: small_wheel(wheels, "ganwidgets"))
    return folder


def small_wheel(folder, name, needs=""):
    info = f"{name}-1.0.dist-info"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}_code.py", "here = True\n")
        requires = f"Requires-Dist: {needs}\n" if needs else ""
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.mark.slow
def test_a_kit_installs_from_itself_alone(registry, tmp_path, monkeypatch):
    said = []
    folder = kit.make_kit(tmp_path / "kit", requirements=["tiny"], say=said.append)
    assert {path.name.split("-")[0] for path in (folder / "wheels").iterdir()} == {"ganwidgets", "tiny", "tinier"}
    assert "3 wheels" in said[-1] and "MB" in said[-1]
    readme = (folder / "README.txt").read_text()
    assert readme.count('pip install --no-index --find-links wheels "ganwidgets[lab]"') == 2 and "Paint with units" in readme
    assert "#@title Solution" not in "".join(path.read_text() for path in (folder / "lessons").iterdir())
    monkeypatch.delenv("PIP_FIND_LINKS")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--find-links", str(folder / "wheels")]
    subprocess.run([*command, "--target", str(tmp_path / "room"), "tiny"], check=True)
    assert (tmp_path / "room" / "tinier_code.py").is_file()


@pytest.mark.slow
def test_what_is_missing_is_said_and_the_kit_is_finished_later(registry, tmp_path):
    (registry / "tinier-1.0-py3-none-any.whl").rename(tmp_path / "away.whl")
    with pytest.raises(GanwidgetsError, match="tinier.* could not be had.*run the same line again"):
        kit.make_kit(tmp_path / "kit", requirements=["tiny"], say=lambda _: None)
    (tmp_path / "away.whl").rename(registry / "tinier-1.0-py3-none-any.whl")
    said = []
    kit.make_kit(tmp_path / "kit", requirements=["tiny"], say=said.append)
    kit.make_kit(tmp_path / "kit", requirements=["tiny"], platforms=["windows"], pythons=["3.13"], say=said.append)
    assert sum("fetching" in line for line in said) == 1, "a whole kit fetches nothing again"


@pytest.mark.parametrize("options", [{"platforms": ["amiga"]}, {"pythons": ["2.7"]}, {"pythons": ["3.12 --pre"]}])
def test_rooms_that_there_are_not(options, tmp_path):
    with pytest.raises(ArgumentError, match="came|amiga"):
        kit.make_kit(tmp_path / "kit", **options)
    assert not (tmp_path / "kit").exists()
