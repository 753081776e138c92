"""The table, and the words in which it is asked and written."""
