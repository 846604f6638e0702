"""Ratios that say whether the package is quick enough: both sides measured in turn in one process."""
