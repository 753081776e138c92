"""System checks: faults of configuration, each with an id and a hint."""
