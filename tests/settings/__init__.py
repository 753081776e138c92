"""One module per install shape; the suite runs under each (``python tests/run.py``)."""
