"""Adapters beside the reference implementations of their formats, which are fetched by hand and never part of this repository."""
