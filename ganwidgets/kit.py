"""A kit for a room with no network: every wheel that is needed, the students' lessons, and how to install them."""

import base64
import csv
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from pathlib import Path

from ganwidgets import __version__
from ganwidgets.core.errors import ArgumentError, GanwidgetsError, one_of
from ganwidgets.lessons import lessons

ROOT = Path(__file__).parents[1]
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
CPU_TORCH = "https://download.pytorch.org/whl/cpu"  # elsewhere torch for Linux brings some gigabytes of CUDA
# What the tags of wheels call the computers of a room. Requirements that hold there alone are asked for by name: pip decides
# by the computer that it runs on whether they are needed.
TAGS = {
    "linux": [*(f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1)), "manylinux2014_x86_64", "manylinux2010_x86_64",
              "manylinux1_x86_64", "linux_x86_64"],
    "macos": ["macosx_14_0_arm64"],
    "windows": ["win_amd64"],
}
ALONE = {"linux": ("pexpect",), "macos": ("pexpect", "appnope"), "windows": ("colorama", "pywinpty", "tzdata")}
README = """ganwidgets for a room with no network ({platforms}; Python {pythons})

Copy this folder to each computer. In a terminal in this folder:

Linux, macOS:
    python3 -m venv room
    room/bin/pip install --no-index --find-links wheels "ganwidgets[lab]"
    room/bin/jupyter lab lessons

Windows:
    py -m venv room
    room\\Scripts\\pip install --no-index --find-links wheels "ganwidgets[lab]"
    room\\Scripts\\jupyter lab lessons

Nothing else is needed: no network, no account, no compiler, no graphics card.
Where many work on one computer, set GANWIDGETS_THREADS=1 before the last line.

Lessons (without their solutions; the teacher's copies: ganwidgets lesson 1):
{lessons}
"""


def make_kit(folder: str | Path, *, requirements: Sequence[str] = (), platforms: Iterable[str] = (), pythons: Iterable[str] = (),
             say: Callable[[str], None] = print) -> Path:
    """Fill a folder with `wheels`, `lessons` and `README.txt`, from which pip installs with no network; answers it.

    `requirements`: what is to be installed in the room; left out, ganwidgets with JupyterLab. `platforms` ("linux",
    "macos", "windows") and `pythons` ("3.12") of its computers; left out, those of this one. What is in the folder
    already is not fetched again, so that a kit can be finished later. Errors: ArgumentError; GanwidgetsError, saying which
    requirement could not be had.
    """
    targets = _targets(platforms, pythons)
    # this very version, so that none of the same name is taken from elsewhere
    asked = list(requirements) or [f"ganwidgets[lab]=={__version__}"]
    folder = Path(folder)
    wheels = folder / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    say(f"own wheel: {own_wheel(wheels).name}")
    _write_lessons(folder, targets)
    for platform, python in targets:
        where = f"{platform or 'this computer'}, Python {python or _here()}"
        missing = _missing(wheels, asked, platform, python)
        if missing:
            say(f"fetching the wheels for {where} ...")
            missing = _fetch(wheels, asked, platform, python) or _missing(wheels, asked, platform, python)
        if missing:
            raise GanwidgetsError(f"the kit in {folder} is not whole: {missing} for {where} could not be had, as the package index "
                                  "cannot be reached or does not have it; what is there stays, so run the same line again later.")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    say(f"{folder} is whole: {len(list(wheels.glob('*.whl')))} wheels, {len(lessons())} lessons, {size / 1e6:,.0f} MB; "
        "README.txt in it says how to install it")
    return folder


def own_wheel(wheels: Path) -> Path:
    """Our own wheel in that folder: built from a clone, or put together again from what is installed."""
    for old in wheels.glob("ganwidgets-*.whl"):
        old.unlink()
    if not all((ROOT / name).is_file() for name in SOURCES):
        return _packed_again(wheels)
    with tempfile.TemporaryDirectory() as home:  # so that no build folder is left in the clone
        copy = Path(home) / "source"
        for name in ("ganwidgets", "notebooks"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "variant*"))
        for name in SOURCES:
            shutil.copy(ROOT / name, copy / name)
        offline = ["--no-build-isolation"] if importlib.util.find_spec("setuptools") else []
        done = _pip("wheel", "-q", "--no-deps", *offline, "-w", str(wheels), str(copy))
    if done.returncode:
        raise GanwidgetsError(f"our own wheel could not be built: {_last_error(done)}")
    return next(wheels.glob("ganwidgets-*.whl"))


def _packed_again(wheels: Path) -> Path:
    """The installed package as a wheel: its files as its own list has them, but for what installing added."""
    ours = importlib.metadata.distribution("ganwidgets")
    added = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
    files = [file for file in ours.files or [] if ".." not in file.parts and file.suffix != ".pyc"
             and not (file.parts[0].endswith(".dist-info") and file.name in added)]
    tag = re.search(r"^Tag: (\S+)", ours.read_text("WHEEL") or "", re.MULTILINE)
    info = next((file.parts[0] for file in files if file.parts[0].endswith(".dist-info")), "")
    if not info or tag is None:
        raise GanwidgetsError("ganwidgets is not installed from a wheel, and this is no clone; install it with pip first.")
    target = wheels / f"ganwidgets-{ours.version}-{tag[1]}.whl"
    rows = io.StringIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            content = Path(str(file.locate())).read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            archive.writestr(file.as_posix(), content)
            csv.writer(rows, lineterminator="\n").writerow([file.as_posix(), f"sha256={digest}", len(content)])
        archive.writestr(f"{info}/RECORD", rows.getvalue() + f"{info}/RECORD,,\n")
    return target


def _write_lessons(folder: Path, targets: Sequence[tuple[str, str]]) -> None:
    """The students' lessons and the README."""
    (folder / "lessons").mkdir(exist_ok=True)
    for each in lessons():
        text = json.dumps(each.student(), indent=1, ensure_ascii=False) + "\n"
        (folder / "lessons" / each.path.name).write_text(text, encoding="utf-8")
    rows = "\n".join(f"    {each.number}  {each.title} ({each.minutes} minutes)" for each in lessons())
    named = sorted({platform or {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux") for platform, _ in targets})
    versions = sorted({python or _here() for _, python in targets})
    text = README.format(platforms=", ".join(named), pythons=", ".join(versions), lessons=rows)
    (folder / "README.txt").write_text(text, encoding="utf-8")


def _targets(platforms: Iterable[str], pythons: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of a platform and a Python; "" for this one. Errors: ArgumentError."""
    named, versions = list(platforms), list(pythons)
    for platform in named:
        if platform not in TAGS:
            raise ArgumentError(one_of("platform", platform, TAGS, where="a kit"))
    for version in versions:
        if not re.fullmatch(r"3\.\d+", version):
            raise ArgumentError(f"a Python is given as 3.12; {version!r} came.")
    return list(product(named or [""], versions or [""]))


def _fetch(wheels: Path, requirements: Sequence[str], platform: str, python: str) -> str:
    """Let pip download into the folder; files that are there are kept. What could not be had; "": nothing."""
    extra = list(ALONE[platform]) if platform else []
    linux = platform in ("linux", "windows") or (not platform and sys.platform.startswith("linux"))
    index = ["--extra-index-url", CPU_TORCH] if linux and requirements[0].startswith("ganwidgets") else []
    done = _pip("download", "-d", str(wheels), "--find-links", str(wheels), "--retries", "1", "--timeout", "15", *index,
                *_there(platform, python), *requirements, *extra, show=True)
    return _culprit(done)


def _missing(wheels: Path, requirements: Sequence[str], platform: str, python: str) -> str:
    """What an installation from the folder alone lacks; "": nothing."""
    with tempfile.TemporaryDirectory() as nowhere:
        done = _pip("install", "--dry-run", "--ignore-installed", "--no-index", "--find-links", str(wheels),
                    "--target", nowhere, *_there(platform, python), *requirements, alone=True)
    return _culprit(done)


def _culprit(done: subprocess.CompletedProcess) -> str:
    """The requirement that pip found nowhere, or else its last words; "": all went well."""
    found = re.search(r"No matching distribution found for (.+)", done.stderr)
    return "" if done.returncode == 0 else found[1].strip() if found else _last_error(done)


def _there(platform: str, python: str) -> list[str]:
    """How pip is told of other computers than this one."""
    tags = [word for tag in TAGS.get(platform, ()) for word in ("--platform", tag)]
    version = ["--python-version", python, "--implementation", "cp"] if python else []
    return ["--only-binary", ":all:", *tags, *version]


def _pip(*arguments: str, show: bool = False, alone: bool = False) -> subprocess.CompletedProcess:
    """Run pip; `show`: with its progress; `alone`: as on a computer whose pip was told of no place to look at."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    kept = {name: value for name, value in os.environ.items() if not (alone and name.startswith("PIP_"))}
    environment = {**kept, **({"PIP_CONFIG_FILE": os.devnull} if alone else {})}
    output = None if show else subprocess.PIPE
    return subprocess.run(command, env=environment, text=True, stdout=output, stderr=subprocess.PIPE)


def _last_error(done: subprocess.CompletedProcess) -> str:
    errors = [line.partition("ERROR:")[2].strip() for line in (done.stderr or "").splitlines() if "ERROR:" in line]
    return errors[-1] if errors else "pip says nothing about it"


def _here() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"
