"""Shapes are types here: every annotated function of the package is checked while the tests run."""

from jaxtyping import install_import_hook

# what the browser and notebooks run in kernels of their own is checked there by its results alone
install_import_hook(["ganwidgets.core", "ganwidgets.models", "ganwidgets.methods", "ganwidgets.testing"],
                    "beartype.beartype")
