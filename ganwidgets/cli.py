"""The `ganwidgets` command: pictures, dissections, training and lessons from a terminal."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganwidgets.core.errors import ArgumentError, GanwidgetsError, SeedError, one_of

if TYPE_CHECKING:
    from collections.abc import Callable

LESSON = "01_paint_with_units.ipynb"
# in the order in which one leans on another: the cards of those that read pictures tell how they read generated ones
TRAINERS = {
    "storybook": "ganwidgets.world.train.storybook:train",
    "style": "ganwidgets.world.train.style:train",
    "segmenter": "ganwidgets.world.train.segmenters:train_segmenter",
    "judge": "ganwidgets.world.train.segmenters:train_judge",
    "classifier": "ganwidgets.world.train.classifier:train",
    "scorer": "ganwidgets.world.train.scorer:train",
}
# of the minutes of --all
SHARES = {"storybook": .32, "style": .32, "segmenter": .1, "judge": .14, "classifier": .04, "scorer": .08}
MOST_ON_A_SHEET = 4096
MOST_SEEDS = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers 0, or 2 for what the user can put right, said in one line without a traceback."""
    top = parser()
    options, rest = top.parse_known_args(arguments)
    if options.command == "lab":
        options.rest = rest
    elif rest:
        top.error(f"unknown arguments: {' '.join(rest)}")
    try:
        return options.run(options) or 0
    except GanwidgetsError as error:
        print(f"ganwidgets {options.command}: {error}", file=sys.stderr)
    except OSError as error:
        print(f"ganwidgets {options.command}: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 2


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    from ganwidgets import __version__

    top = argparse.ArgumentParser(prog="ganwidgets", description="A notebook lab for opening up image generators.")
    top.add_argument("--version", action="version", version=f"ganwidgets {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command(commands, "lab", run_lab, "open the first lesson in JupyterLab; further arguments go to it")
    command(commands, "list", run_list, "list what can be loaded")

    world = command(commands, "world", run_world, "draw scenes of the bundled world")
    sheet_options(world)
    world.add_argument("--size", type=int, default=128, help="pixels of a picture's side (default 128)")

    sample = command(commands, "sample", run_sample, "draw pictures of a generator")
    sample.add_argument("name")
    sheet_options(sample)
    sample.add_argument("--device", default=None)

    dissect_options(commands)

    train = command(commands, "train", run_train, "train a net of the bundle")
    train.add_argument("name", nargs="?", help=", ".join(TRAINERS))
    train.add_argument("--all", action="store_true", help="one after the other, each for its share of the minutes")
    train.add_argument("--minutes", type=float, required=True, help="how long")
    train.add_argument("--device", default="auto")
    train.add_argument("--resume", action="store_true", help="go on where the last training stopped")
    train.add_argument("--threads", type=int, default=1, help="more than one only where nothing else runs (default 1)")

    convert = command(commands, "convert", run_convert, "write a checkpoint's generator as safetensors, with its origin beside it")
    convert.add_argument("source", type=Path, help="the file, or the folder in a Hugging Face layout")
    convert.add_argument("target", type=Path, help="the .safetensors file to write")
    convert.add_argument("--kind", help="its kind, where its keys do not tell it")
    convert.add_argument("--force", action="store_true", help="overwrite a file that is there already")

    teaching_options(commands)

    check = command(commands, "check", run_check, "say what is installed, and test a generator's laws")
    check.add_argument("name", nargs="?", help="a generator to test")
    check.add_argument("--scores", action="store_true", help="compute the scores again that the cards of the bundled nets state")
    check.add_argument("--pictures", type=int, default=400, help="of nets that read pictures on so many, 40 to 2,000 (default "
                       "400); of generators always on the 5,000 that their cards speak of, which takes minutes")
    return top


def dissect_options(commands) -> None:
    """What a dissection asks for."""
    dissect = command(commands, "dissect", run_dissect, "find the concept of every unit of a layer; stopped, it goes on when it is "
                      "called again; processes that torchrun starts share the seeds")
    dissect.add_argument("name")
    dissect.add_argument("--layer", action="append", help='its name; may be given several times, or as "all" (default: the last '
                         "layer at 16 px)")
    dissect.add_argument("--seeds", default="0:1000", help="as 0:1000 or 3,5,9 (default 0:1000)")
    dissect.add_argument("--segmenter", help="its name (default: the generator's own)")
    dissect.add_argument("--rule", default="quantile", help='how units are labelled: "quantile" or "iqr" (default quantile)')
    dissect.add_argument("--calibration", help='pictures that the thresholds come from, or "all" (default: a quarter, 500 or more)')
    dissect.add_argument("--out", type=Path, required=True, help="the .gwd file to write; beside it lies what was counted so far")
    dissect.add_argument("--device", default=None, help="default: the best there is; of several GPUs each process takes its own")


def teaching_options(commands) -> None:
    """What a teacher needs: the lessons, and the kit for a room."""
    lesson = command(commands, "lesson", run_lesson, "write a lesson into a folder, or list them")
    lesson.add_argument("number", type=int, nargs="?", help="1 for the first")
    lesson.add_argument("--list", action="store_true", help="list the lessons, with their minutes")
    lesson.add_argument("--student", action="store_true", help="without the solutions")
    lesson.add_argument("--out", type=Path, default=Path("."), help="the folder (default: this one)")
    lesson.add_argument("--force", action="store_true", help="overwrite a file that is there already")

    kit = command(commands, "kit", run_kit, "gather all that a room with no network needs in one folder")
    kit.add_argument("folder", type=Path)
    kit.add_argument("--platform", action="append", choices=("linux", "macos", "windows"), help="of the room's computers; may be "
                     "given several times (default: of this one)")
    kit.add_argument("--python", action="append", metavar="3.12", help="the Python of the room's computers; may be given several "
                     "times (default: of this one)")


def command(commands, name: str, run: Callable, about: str) -> argparse.ArgumentParser:
    """Add a command that `run` carries out."""
    found = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
    found.set_defaults(run=run)
    return found


def sheet_options(found: argparse.ArgumentParser) -> None:
    """The options of everything that draws a sheet."""
    found.add_argument("--seeds", default="0:48", help="as 0:48 or 3,5,9 (default 0:48)")
    found.add_argument("--out", type=Path, required=True, help="the picture file to write")
    found.add_argument("--columns", type=int, default=8, help="pictures in a row (default 8)")


def parse_seeds(text: str) -> list[int]:
    """The seeds of "0:48" (48 left out), "3,5,9", or both mixed; raises SeedError."""
    seeds: list[int] = []
    for part in text.split(","):
        try:
            ends = [int(end) for end in part.split(":")]
        except ValueError:
            ends = []
        if len(ends) not in (1, 2):
            raise SeedError(f"seeds {text!r} cannot be read; write them as 0:48 (48 left out) or 3,5,9.")
        first, end = (ends[0], ends[-1] if len(ends) == 2 else ends[0] + 1)
        if first < 0 or end > 2**32:
            raise SeedError(f"seeds go from 0 to {2**32 - 1}; {text!r} came.")
        if len(seeds) + end - first > MOST_SEEDS:
            raise SeedError(f"{text!r} are more than {MOST_SEEDS:,} seeds; take fewer.")
        seeds += range(first, end)
    if not seeds:
        raise SeedError(f"{text!r} holds no seed; write 0:48 for the seeds 0 to 47.")
    return seeds


def sheet_seeds(options: argparse.Namespace) -> list[int]:
    """The seeds of a sheet, after checking that a sheet can hold them and be written."""
    seeds = parse_seeds(options.seeds)
    if len(seeds) > MOST_ON_A_SHEET:
        raise SeedError(f"a sheet holds at most {MOST_ON_A_SHEET} pictures; {len(seeds)} came.")
    if options.columns < 1:
        raise ArgumentError(f"--columns must be at least 1; {options.columns} came.")
    if options.out.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise ArgumentError(f"--out ends in .png, .jpg or .webp; {str(options.out)!r} came.")
    return seeds


def save_sheet(page, seeds: list[int], out: Path) -> None:
    """Write a sheet and say so."""
    out.parent.mkdir(parents=True, exist_ok=True)
    page.save(out)
    print(f"{len(seeds)} pictures in {out}")


def run_lab(options: argparse.Namespace) -> int:
    """`ganwidgets lab`."""
    import subprocess

    if importlib.util.find_spec("jupyterlab") is None:
        raise GanwidgetsError('JupyterLab is not installed; pip install "ganwidgets[lab]" brings it.')
    from ganwidgets.lessons import write_lesson

    found = [folder / LESSON for folder in (Path.cwd() / "notebooks", Path.cwd()) if (folder / LESSON).is_file()][:1]
    lesson = found[0] if found else write_lesson(1)
    if not found:
        print(f"lesson 1 is in {lesson}")
    return subprocess.call([sys.executable, "-m", "jupyterlab", *options.rest, str(lesson)])


def run_list(options: argparse.Namespace) -> None:
    """`ganwidgets list`."""
    from ganwidgets import catalog

    for title, entries in (("generators", catalog.GENERATORS), ("segmenters", catalog.SEGMENTERS),
                           ("classifiers", catalog.CLASSIFIERS), ("scorers", catalog.SCORERS)):
        print(title)
        for entry in entries:
            size = f"{entry.path.stat().st_size / 1e6:.1f} MB" if entry.present else "missing"
            print(f"  {entry.name:18} {size:>8}  {entry.about}")


def run_world(options: argparse.Namespace) -> None:
    """`ganwidgets world`."""
    seeds = sheet_seeds(options)
    if not 8 <= options.size <= 1024:
        raise ArgumentError(f"--size goes from 8 to 1024 pixels; {options.size} came.")
    from ganwidgets.world.sheets import sheet

    save_sheet(sheet(seeds, size=options.size, columns=options.columns), seeds, options.out)


def run_sample(options: argparse.Namespace) -> None:
    """`ganwidgets sample`."""
    seeds = sheet_seeds(options)
    import torch

    import ganwidgets as gw

    generator = gw.load(options.name, device=options.device)
    from ganwidgets.core.images import sheet

    with torch.no_grad():
        batches = [generator.images(generator.sample(seeds[at:at + 64])).cpu() for at in range(0, len(seeds), 64)]
    save_sheet(sheet(torch.cat(batches), columns=options.columns), seeds, options.out)


def run_dissect(options: argparse.Namespace) -> None:
    """`ganwidgets dissect`."""
    seeds = parse_seeds(options.seeds)
    import ganwidgets as gw
    from ganwidgets.processes import joined, own_device, told

    device = own_device(options.device)
    generator = gw.load(options.name, device=device)
    segmenter = gw.load_segmenter(options.segmenter, device=device) if options.segmenter else None
    layers = generator.layers if options.layer == ["all"] else options.layer or [generator.layer_at(16)]
    calibration = int(options.calibration) if (options.calibration or "").isdecimal() else options.calibration
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with joined(device) as rank:
        found = told(gw.dissect_sharded.steps(generator, segmenter, layers=layers, seeds=seeds, rule=options.rule,
                                              calibration=calibration, out=options.out), rank=rank)
    if rank == 0:
        print(found.table.head(12).to_string(index=False))
        print(f"{', '.join(map(str, found.layers))} of {options.name}, {len(seeds)} pictures, in {options.out}")


def run_convert(options: argparse.Namespace) -> None:
    """`ganwidgets convert`."""
    from ganwidgets.models.converted import convert

    origin = convert(options.source, options.target, kind=options.kind, force=options.force)
    published = origin.get("published")
    licence = f"; as {published['name']} it is under the licence {published['licence']!r}" if published else ""
    print(f"{options.target} holds the {origin['kind']} of {options.source}{licence}")


def run_train(options: argparse.Namespace) -> None:
    """`ganwidgets train`."""
    if options.all == (options.name is not None):
        raise ArgumentError("train takes the name of one net, or --all for every one of them.")
    if not options.all and options.name not in TRAINERS:
        raise ArgumentError(one_of("net", options.name, TRAINERS, where="the training scripts"))
    if not 0 < options.minutes < 1e5:
        raise ArgumentError(f"--minutes is a time above 0; {options.minutes:g} came.")
    if options.threads < 1:
        raise ArgumentError(f"--threads is a number from 1 up; {options.threads} came.")
    import torch

    from ganwidgets.catalog import best_device

    torch.set_num_threads(options.threads)
    shares = SHARES if options.all else {options.name: 1}
    for name in (each for each in TRAINERS if each in shares):
        module, function = TRAINERS[name].split(":")
        train = getattr(importlib.import_module(module), function)
        print(f"{name}: {options.minutes * shares[name]:g} minutes", flush=True)
        train(minutes=options.minutes * shares[name], device=str(best_device(options.device)), resume=options.resume)


def run_lesson(options: argparse.Namespace) -> None:
    """`ganwidgets lesson`."""
    from ganwidgets.lessons import lessons, write_lesson

    if options.list:
        for each in lessons():
            print(f"  {each.number}  {each.minutes:3} minutes  {each.title}")
    elif options.number is None:
        raise ArgumentError("which lesson? Give its number, as in: ganwidgets lesson 1; --list lists them.")
    else:
        path = write_lesson(options.number, options.out, student=options.student, force=options.force)
        print(f"{path} is written{', without the solutions' if options.student else ''}")


def run_kit(options: argparse.Namespace) -> None:
    """`ganwidgets kit`."""
    from ganwidgets.kit import make_kit

    make_kit(options.folder, platforms=options.platform or (), pythons=options.python or ())


def run_check(options: argparse.Namespace) -> None:
    """`ganwidgets check`: the versions that matter, and the laws of a generator."""
    from importlib.metadata import PackageNotFoundError, version

    for package in ("ganwidgets", "torch", "numpy", "pillow", "ipywidgets", "anywidget", "ipycanvas", "jupyterlab"):
        try:
            print(f"{package:12} {version(package)}")
        except PackageNotFoundError:
            print(f"{package:12} not installed")
    import ganwidgets as gw
    from ganwidgets.catalog import best_device, bundled

    print(f"{'device':12} {best_device()}")
    print(f"{'generators':12} {', '.join(bundled()) or 'none'}")
    if options.name:
        generator = gw.load(options.name)
        from ganwidgets.testing import check_generator

        check_generator(generator)
        print(f"{options.name}: every law of a generator holds")
    if options.scores:
        check_scores(options.pictures)


def check_scores(pictures: int) -> None:
    """Print the cards' scores as they are found here. Errors: ArgumentError; GanwidgetsError, if one does not hold."""
    if not 40 <= pictures <= 2000:
        raise ArgumentError(f"--pictures goes from 40 to 2,000; {pictures} came.")
    from itertools import chain

    from ganwidgets.scores import recomputed, recomputed_generators

    wrong = []
    for score in chain(recomputed(pictures), recomputed_generators()):
        print(score, flush=True)
        wrong += [] if score.holds else [f"{score.what} of {score.net}"]
    if wrong:
        raise GanwidgetsError(f"{', '.join(wrong)} is not what the card states: these are other weights, or "
                              "they were measured otherwise.")
