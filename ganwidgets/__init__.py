"""ganwidgets: open up an image generator, find what each unit draws, and paint with it.

    import ganwidgets as gw
    g = gw.load("storybook")
    d = gw.dissect(g, gw.load_segmenter("storybook"), layer=g.layer_at(16), seeds=range(1000))
    gw.PaintBox(g, d)

This file is the table of contents. Nothing heavy is imported until a name is used.
"""

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

CONTENTS: dict[str, tuple[str, ...]] = {
    # catalog: a name becomes a ready object
    "ganwidgets.catalog": ("available", "load", "load_checkpoint", "load_segmenter", "load_classifier", "load_scorer"),
    # core: the nouns
    "ganwidgets.core.nets": (
        "LayeredNet", "LayeredGenerator", "LayeredClassifier", "Layer", "PausedRun", "LinearMemory", "twin"),
    "ganwidgets.core.latents": ("Latents",),
    "ganwidgets.core.regions": ("Region",),
    "ganwidgets.core.edits": ("Edit", "UnitEdit", "WeightEdit", "LatentEdit", "EditStack"),
    "ganwidgets.core.concepts": ("Concept", "Segmenter", "KnownMasks", "TextImageScorer", "Words"),
    "ganwidgets.core.examples": ("Examples",),
    "ganwidgets.core.causes": ("Causes", "Drawn", "open_causes"),
    "ganwidgets.core.jobs": ("Progress", "Steps", "stepwise", "Job"),
    "ganwidgets.core.stills": ("Still",),
    "ganwidgets.core.walks": ("walk", "Walk"),
    "ganwidgets.models.wrap": ("wrap", "wrap_classifier"),
    # methods: one paper each
    "ganwidgets.methods.dissect": ("dissect", "Dissection", "open_dissection"),
    "ganwidgets.methods.dissect_sharded": ("dissect_sharded",),
    "ganwidgets.methods.dissect_examples": ("examples",),
    "ganwidgets.methods.dissect_lowest": ("lowest_examples",),
    "ganwidgets.methods.dissect_alike": ("alike", "Alike"),
    "ganwidgets.methods.dissect_compared": ("compare", "concept_counts", "matched_units"),
    "ganwidgets.methods.dissect_bars": ("concept_bars", "BarGraph"),
    "ganwidgets.methods.dissect_profile": ("layer_profile", "profile_counts"),
    "ganwidgets.methods.dissect_words": ("label_units", "UnitWords"),
    "ganwidgets.methods.dissect_report": ("report",),
    "ganwidgets.methods.dissect_cached": ("dissect_cached",),
    "ganwidgets.methods.ace": ("ace", "Ace"),
    "ganwidgets.methods.intervene_causes": ("causes", "measure_causes"),
    "ganwidgets.methods.omissions": ("Statistics", "Distance", "segmentation_statistics", "frechet_segmentation_distance"),
    "ganwidgets.methods.precision_recall": ("precision_recall", "PrecisionRecall"),
    "ganwidgets.methods.intervene": ("effect", "removal", "insertion", "places", "random_units", "levels_for", "unit_heat"),
    "ganwidgets.methods.intervene_sweep": ("sweep", "Sweep"),
    "ganwidgets.methods.intervene_contexts": ("context_matrix", "ContextMatrix"),
    "ganwidgets.methods.intervene_artifacts": ("artifact_units", "Artifacts", "repair", "Repair"),
    "ganwidgets.methods.intervene_typical": ("usual_features", "UsualFeatures", "typicality", "Typicality"),
    "ganwidgets.methods.intervene_donor": ("donor",),
    "ganwidgets.methods.importance": ("importance", "Importance", "removals", "Removals"),
    "ganwidgets.methods.detector": ("detector", "Detector", "peaks"),
    "ganwidgets.methods.attack": ("attack", "Attack", "noise_of_length", "peak_changes"),
    # widgets: the same by hand
    "ganwidgets.widgets.paintbox": ("PaintBox",),
    "ganwidgets.widgets.unitbrowser": ("UnitBrowser",),
    "ganwidgets.widgets.liveview": ("LiveView",),
    "ganwidgets.widgets.playing": ("play",),
    "ganwidgets.widgets.walkplayer": ("WalkPlayer",),
    "ganwidgets.widgets.hosts": ("about",),
    # world
    "ganwidgets.world.render": ("pictures",),
    "ganwidgets.world.scenes": ("place_of",),
    "ganwidgets.world.pasted": ("pasted_recall",),
    # lessons
    "ganwidgets.checks": ("check",),
    "ganwidgets.lessons": ("lesson_file",),
}
MODULES = {"errors": "ganwidgets.core.errors", "testing": "ganwidgets.testing"}

if TYPE_CHECKING:
    from ganwidgets import testing as testing
    from ganwidgets.catalog import available as available
    from ganwidgets.catalog import load as load
    from ganwidgets.catalog import load_checkpoint as load_checkpoint
    from ganwidgets.catalog import load_classifier as load_classifier
    from ganwidgets.catalog import load_scorer as load_scorer
    from ganwidgets.catalog import load_segmenter as load_segmenter
    from ganwidgets.checks import check as check
    from ganwidgets.core import errors as errors
    from ganwidgets.core.causes import Causes as Causes
    from ganwidgets.core.causes import Drawn as Drawn
    from ganwidgets.core.causes import open_causes as open_causes
    from ganwidgets.core.concepts import Concept as Concept
    from ganwidgets.core.concepts import KnownMasks as KnownMasks
    from ganwidgets.core.concepts import Segmenter as Segmenter
    from ganwidgets.core.concepts import TextImageScorer as TextImageScorer
    from ganwidgets.core.concepts import Words as Words
    from ganwidgets.core.edits import Edit as Edit
    from ganwidgets.core.edits import EditStack as EditStack
    from ganwidgets.core.edits import LatentEdit as LatentEdit
    from ganwidgets.core.edits import UnitEdit as UnitEdit
    from ganwidgets.core.edits import WeightEdit as WeightEdit
    from ganwidgets.core.examples import Examples as Examples
    from ganwidgets.core.jobs import Job as Job
    from ganwidgets.core.jobs import Progress as Progress
    from ganwidgets.core.jobs import Steps as Steps
    from ganwidgets.core.jobs import stepwise as stepwise
    from ganwidgets.core.latents import Latents as Latents
    from ganwidgets.core.nets import Layer as Layer
    from ganwidgets.core.nets import LayeredClassifier as LayeredClassifier
    from ganwidgets.core.nets import LayeredGenerator as LayeredGenerator
    from ganwidgets.core.nets import LayeredNet as LayeredNet
    from ganwidgets.core.nets import LinearMemory as LinearMemory
    from ganwidgets.core.nets import PausedRun as PausedRun
    from ganwidgets.core.nets import twin as twin
    from ganwidgets.core.regions import Region as Region
    from ganwidgets.core.stills import Still as Still
    from ganwidgets.core.walks import Walk as Walk
    from ganwidgets.core.walks import walk as walk
    from ganwidgets.lessons import lesson_file as lesson_file
    from ganwidgets.methods.ace import Ace as Ace
    from ganwidgets.methods.ace import ace as ace
    from ganwidgets.methods.attack import Attack as Attack
    from ganwidgets.methods.attack import attack as attack
    from ganwidgets.methods.attack import noise_of_length as noise_of_length
    from ganwidgets.methods.attack import peak_changes as peak_changes
    from ganwidgets.methods.detector import Detector as Detector
    from ganwidgets.methods.detector import detector as detector
    from ganwidgets.methods.detector import peaks as peaks
    from ganwidgets.methods.dissect import Dissection as Dissection
    from ganwidgets.methods.dissect import dissect as dissect
    from ganwidgets.methods.dissect import open_dissection as open_dissection
    from ganwidgets.methods.dissect_alike import Alike as Alike
    from ganwidgets.methods.dissect_alike import alike as alike
    from ganwidgets.methods.dissect_bars import BarGraph as BarGraph
    from ganwidgets.methods.dissect_bars import concept_bars as concept_bars
    from ganwidgets.methods.dissect_cached import dissect_cached as dissect_cached
    from ganwidgets.methods.dissect_compared import compare as compare
    from ganwidgets.methods.dissect_compared import concept_counts as concept_counts
    from ganwidgets.methods.dissect_compared import matched_units as matched_units
    from ganwidgets.methods.dissect_examples import examples as examples
    from ganwidgets.methods.dissect_lowest import lowest_examples as lowest_examples
    from ganwidgets.methods.dissect_profile import layer_profile as layer_profile
    from ganwidgets.methods.dissect_profile import profile_counts as profile_counts
    from ganwidgets.methods.dissect_report import report as report
    from ganwidgets.methods.dissect_sharded import dissect_sharded as dissect_sharded
    from ganwidgets.methods.dissect_words import UnitWords as UnitWords
    from ganwidgets.methods.dissect_words import label_units as label_units
    from ganwidgets.methods.importance import Importance as Importance
    from ganwidgets.methods.importance import Removals as Removals
    from ganwidgets.methods.importance import importance as importance
    from ganwidgets.methods.importance import removals as removals
    from ganwidgets.methods.intervene import effect as effect
    from ganwidgets.methods.intervene import insertion as insertion
    from ganwidgets.methods.intervene import levels_for as levels_for
    from ganwidgets.methods.intervene import places as places
    from ganwidgets.methods.intervene import random_units as random_units
    from ganwidgets.methods.intervene import removal as removal
    from ganwidgets.methods.intervene import unit_heat as unit_heat
    from ganwidgets.methods.intervene_artifacts import Artifacts as Artifacts
    from ganwidgets.methods.intervene_artifacts import Repair as Repair
    from ganwidgets.methods.intervene_artifacts import artifact_units as artifact_units
    from ganwidgets.methods.intervene_artifacts import repair as repair
    from ganwidgets.methods.intervene_causes import causes as causes
    from ganwidgets.methods.intervene_causes import measure_causes as measure_causes
    from ganwidgets.methods.intervene_contexts import ContextMatrix as ContextMatrix
    from ganwidgets.methods.intervene_contexts import context_matrix as context_matrix
    from ganwidgets.methods.intervene_donor import donor as donor
    from ganwidgets.methods.intervene_sweep import Sweep as Sweep
    from ganwidgets.methods.intervene_sweep import sweep as sweep
    from ganwidgets.methods.intervene_typical import Typicality as Typicality
    from ganwidgets.methods.intervene_typical import UsualFeatures as UsualFeatures
    from ganwidgets.methods.intervene_typical import typicality as typicality
    from ganwidgets.methods.intervene_typical import usual_features as usual_features
    from ganwidgets.methods.omissions import Distance as Distance
    from ganwidgets.methods.omissions import Statistics as Statistics
    from ganwidgets.methods.omissions import frechet_segmentation_distance as frechet_segmentation_distance
    from ganwidgets.methods.omissions import segmentation_statistics as segmentation_statistics
    from ganwidgets.methods.precision_recall import PrecisionRecall as PrecisionRecall
    from ganwidgets.methods.precision_recall import precision_recall as precision_recall
    from ganwidgets.models.wrap import wrap as wrap
    from ganwidgets.models.wrap import wrap_classifier as wrap_classifier
    from ganwidgets.widgets.hosts import about as about
    from ganwidgets.widgets.liveview import LiveView as LiveView
    from ganwidgets.widgets.paintbox import PaintBox as PaintBox
    from ganwidgets.widgets.playing import play as play
    from ganwidgets.widgets.unitbrowser import UnitBrowser as UnitBrowser
    from ganwidgets.widgets.walkplayer import WalkPlayer as WalkPlayer
    from ganwidgets.world.pasted import pasted_recall as pasted_recall
    from ganwidgets.world.render import pictures as pictures
    from ganwidgets.world.scenes import place_of as place_of

_HOME = {name: module for module, names in CONTENTS.items() for name in names}
__all__ = ["__version__", *_HOME, *MODULES]


def __getattr__(name: str) -> object:
    """Import a public name the first time it is used."""
    if name in MODULES:
        return importlib.import_module(MODULES[name])
    if name not in _HOME:
        import difflib

        nearest = difflib.get_close_matches(name, __all__, n=1)
        hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
        raise AttributeError(f"ganwidgets has no '{name}'{hint}", name=name, obj=importlib.import_module(__name__))
    found = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
