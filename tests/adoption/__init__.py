"""Databases made by the real older packages, taken over: ``run.py`` is ``make test-adoption``."""
