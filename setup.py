"""Rebuild the front end when js/ has changed since ganwidgets/static was built, and put the lessons into the wheel; all else
is in pyproject.toml."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from setuptools import Command, setup
from setuptools.command.build import build
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
JS, STATIC, LESSONS = ROOT / "js", ROOT / "ganwidgets" / "static", ROOT / "notebooks"


def js_digest() -> str:
    """SHA-256 over the paths and bytes of all that the bundle is made of; js/build.mjs computes the same."""
    files = [JS / "package.json", JS / "package-lock.json", JS / "build.mjs", *(JS / "src").rglob("*")]
    found = hashlib.sha256()
    for path in sorted(file.relative_to(JS).as_posix() for file in files if file.is_file()):
        found.update(path.encode() + b"\0" + (JS / path).read_bytes() + b"\0")
    return found.hexdigest()


def build_bundle() -> None:
    """Run npm if the bundle is not the one that js/ describes."""
    mark = STATIC / ".js.sha256"
    if not (JS / "src").is_dir() or (mark.is_file() and mark.read_text().strip() == js_digest()):
        return
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("the front end (js/) has changed since ganwidgets/static was built, and npm is missing:\n"
                         "install Node 20 or newer, or go back to a commit whose bundle is current.")
    subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=JS, check=True)
    subprocess.run([npm, "run", "build"], cwd=JS, check=True)


class BuildJs(Command):
    """`python setup.py build_js`; also the first step of every wheel and editable install."""

    description = "build the front end into ganwidgets/static when js/ has changed"
    user_options: list = []
    editable_mode = False

    def initialize_options(self) -> None:
        """Nothing to set."""

    def finalize_options(self) -> None:
        """Nothing to set."""

    def run(self) -> None:
        build_bundle()

    def get_source_files(self) -> list[str]:
        """What an sdist must hold; MANIFEST.in lists it."""
        return []

    def get_outputs(self) -> list[str]:
        """The bundle is package data, and copied as such."""
        return []

    def get_output_mapping(self) -> dict[str, str]:
        """Nothing is mapped."""
        return {}


class BuildPyWithLessons(build_py):
    """Lessons are tracked once, in notebooks/; a wheel holds them as ganwidgets/notebooks/."""

    def lessons(self) -> dict[str, str]:
        """Where each file of the lessons goes, and where it comes from."""
        files = [*LESSONS.glob("[0-9][0-9]_*.ipynb"), *LESSONS.glob("README.md"), *LESSONS.glob("cache/lesson-*")]
        within = Path(self.build_lib) / "ganwidgets" / "notebooks"
        return {} if self.editable_mode else {str(within / file.relative_to(LESSONS)): str(file) for file in sorted(files)}

    def run(self) -> None:
        super().run()
        for target, file in self.lessons().items():
            self.mkpath(str(Path(target).parent))
            self.copy_file(file, target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """What lies in the build folder afterwards."""
        return [*super().get_outputs(include_bytecode), *self.lessons()]


class SdistWithBundle(sdist):
    """An sdist holds the current bundle, so that it installs without Node."""

    def run(self) -> None:
        build_bundle()
        super().run()


build.sub_commands.insert(0, ("build_js", None))
setup(cmdclass={"build_js": BuildJs, "build_py": BuildPyWithLessons, "sdist": SdistWithBundle})
