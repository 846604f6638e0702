"""Tests that need the trained generator wait until it is in the package."""

from pathlib import Path

import pytest

WEIGHTS = Path(__file__).parents[2] / "ganwidgets" / "world" / "weights"
NEED_NETS = ("test_storybook_comes", "test_the_judge_is", "test_unknown_name", "test_sample", "test_dissect",
             "test_list_and_check", "test_errors_are_one_line[arguments6", "test_errors_are_one_line[arguments7")


def pytest_collection_modifyitems(items):
    if (WEIGHTS / "storybook.safetensors").exists():
        return
    for item in items:
        if item.name.startswith(NEED_NETS) or item.path.name == "test_wheel.py":
            item.add_marker(pytest.mark.skip(reason="the trained generator is not in the package yet"))
