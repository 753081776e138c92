"""The table, and the methods that query and change it."""
