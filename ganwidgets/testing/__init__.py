"""Checks for adapters and edits, ours and other people's, and generators whose units are known."""

from ganwidgets.testing.entangled import Entangled, entangled_generator
from ganwidgets.testing.laws import check_classifier, check_edit, check_generator, check_scorer
from ganwidgets.testing.planted import Planted, planted_generator

__all__ = ["Entangled", "Planted", "check_classifier", "check_edit", "check_generator", "check_scorer", "entangled_generator",
           "planted_generator"]
