"""Ours against the peers and the database's own limit, side by side in one run (``make bench``)."""
