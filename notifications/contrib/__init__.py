"""The wings: each a Django app of its own, switched on in ``INSTALLED_APPS``."""
