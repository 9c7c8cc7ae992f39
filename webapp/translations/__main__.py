"""Compile the catalogues that changed: `python -m webapp.translations`."""

from webapp.translations import compile_catalogues

compile_catalogues()
