"""Who may import whom, what the table of contents promises, and what an import costs."""

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import ganwidgets as gw

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ganwidgets"


def test_rooms_import_only_what_they_may():
    code = "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " kept, 0 broken" in done.stdout


def test_methods_import_no_other_method_but_dissect():
    for path in (PACKAGE / "methods").glob("*.py"):
        for name in imported(path):
            if name.startswith("ganwidgets.methods."):
                other = name.split(".")[2]
                family = {"dissect", path.stem} | {path.stem.split("_")[0]}
                assert other in family or other.startswith("dissect"), f"{path.name} imports {name}"


@pytest.mark.parametrize("name", [name for name in gw.__all__ if not name.startswith("_")])
def test_public_name(name):
    found = getattr(gw, name)
    assert found is not None
    if inspect.isclass(found) or inspect.isfunction(found):
        assert found.__doc__, f"gw.{name} has no docstring"


def test_the_type_checker_sees_the_same_names():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    table = {name: module for module, names in gw.CONTENTS.items() for name in names}
    assert {name: seen[name] for name in table} == table
    assert set(seen) == set(table) | set(gw.MODULES)


def test_a_wrong_name_gets_the_nearest():
    with pytest.raises(AttributeError, match="did you mean 'dissect'"):
        gw.disect  # noqa: B018
    assert "PaintBox" in dir(gw)


def test_check_is_the_function_even_when_its_module_came_first():
    code = "import ganwidgets.checks, ganwidgets as gw; assert gw.check('one', True) is True"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_import_is_light():
    code = "import ganwidgets, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(json.loads(done.stdout))
    heavy = {"torch", "numpy", "PIL", "pandas", "ipywidgets", "anywidget", "ipycanvas", "traitlets", "IPython"}
    assert not heavy & loaded
    assert "ganwidgets" in loaded


BLOCKED = """
import importlib, importlib.abc, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in TOPS:
            raise ImportError(f"{name} is not there")
TOPS = {"tqdm", "pandas", "traitlets", "ipywidgets", "anywidget", "ipycanvas", "pooch", "IPython", "scipy", "sklearn", "matplotlib",
        "beartype", "torchmetrics", "psutil"}
sys.meta_path.insert(0, Block())
from ganwidgets import cli
for trainer in cli.TRAINERS.values():
    importlib.import_module(trainer.split(":")[0])
print(cli.main(["train", "nobody", "--minutes", "1"]))
"""


def test_training_needs_torch_numpy_pillow_safetensors_and_jaxtyping_alone():
    """So that it runs on a machine that lends its processor and little else."""
    done = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and "no net 'nobody'" in done.stderr, done.stderr[-2000:]
    broken = BLOCKED.replace('"tqdm",', '"tqdm", "safetensors",')
    failed = subprocess.run([sys.executable, "-c", broken], capture_output=True, text=True, cwd=ROOT)
    assert "safetensors is not there" in failed.stderr, "this test can fail"


def test_a_generator_learns_from_pictures_only():
    """No mask, scene, caption or segmenter reaches the training of a generator, through whatever file of train/.

    Where the pictures are made, and there alone, the place of a scene is asked for: for a world without some places.
    """
    scripts = [PACKAGE / "world" / "train" / f"{name}.py" for name in ("storybook", "style", "variants", "search")]
    seen = set()
    nets = ("ganwidgets.core", "ganwidgets.models.progan", "ganwidgets.models.stylegan2", "ganwidgets.world.train")
    while scripts:
        path = scripts.pop()
        seen.add(path)
        for module, name in imported_names(path):
            if not module.startswith("ganwidgets"):
                continue
            allowed = (
                module.startswith(nets)
                or (module == "ganwidgets.world.render" and name in ("picture", "pictures"))
                or (path.name == "training_pictures.py" and (module, name) == ("ganwidgets.world.scenes", "place_of"))
            )
            assert allowed, f"{path.name} imports {name} from {module}"
            if module.startswith("ganwidgets.world.train"):
                pieces = [PACKAGE / "world" / "train" / f"{part}.py" for part in (module.split(".")[-1], name)]
                scripts += [piece for piece in pieces if piece.exists() and piece not in seen]


def imported(path: Path) -> set[str]:
    """The modules that a file imports, outside of TYPE_CHECKING blocks too."""
    return {module for module, _ in imported_names(path)}


def imported_names(path: Path) -> set[tuple[str, str]]:
    """(module, name) of every import in a file; relative ones made absolute."""
    found = set()
    parts = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                module = ".".join([*parts[:-node.level], *([module] if module else [])])
            found |= {(module, alias.name) for alias in node.names}
    return found
