"""The kinds of generators that a file can hold, in the order in which they are tried: one adapter a file.

An adapter's module says `KIND`, its name for `load_checkpoint(kind=)`; `matches(contents)`, whether a file looks like one; and
`build(contents)`, which answers the generator on the CPU, every width read from the shapes, or raises CheckpointError.
"""

import importlib
from types import ModuleType

MODULES = ("progan", "stylegan2", "stylegan2_ada", "stylegan3", "biggan", "dcgan", "r3gan", "diffusion")


def formats() -> dict[str, ModuleType]:
    """Each adapter's module by its kind."""
    found = (importlib.import_module(f"ganwidgets.models.{name}") for name in MODULES)
    return {module.KIND: module for module in found}
