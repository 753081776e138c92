"""The app whose objects the examples of the documentation are about."""
