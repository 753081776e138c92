"""A notification as people and programs read it."""
