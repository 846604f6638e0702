"""Checks for adapters and edits, ours and other people's, and a generator whose units are known."""

from ganwidgets.testing.laws import check_classifier, check_edit, check_generator, check_scorer
from ganwidgets.testing.planted import Planted, planted_generator

__all__ = ["Planted", "check_classifier", "check_edit", "check_generator", "check_scorer", "planted_generator"]
