"""Delivery: notifications leave the site by channels, from a ledger in the database."""
