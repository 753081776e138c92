"""Faults, tried for real: processes killed, a server restarted, threads in each other's way (``make crash``)."""
