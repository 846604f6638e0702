"""Shapes are types here: every annotated function of the package is checked while the tests run."""

import os

import pytest
from jaxtyping import install_import_hook

# lesson 3 trains a net for two minutes; in tests for so many seconds, and goes on with the one that it keeps
os.environ.setdefault("GANWIDGETS_LESSON_SECONDS", "2")

# what the browser and notebooks run in kernels of their own is checked there by its results alone
install_import_hook(["ganwidgets.core", "ganwidgets.models", "ganwidgets.methods", "ganwidgets.testing"],
                    "beartype.beartype")


@pytest.fixture
def figure(record_property):
    """Says a measured figure at the end of the run, whichever process measured it."""
    return lambda words: record_property("figure", words)


def pytest_terminal_summary(terminalreporter):
    """The figures that tests measured."""
    reports = [each for kind in terminalreporter.stats.values() for each in kind if getattr(each, "when", "") == "call"]
    words = [value for each in reports for name, value in each.user_properties if name == "figure"]
    if words:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(words))
