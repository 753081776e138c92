#!/usr/bin/env python
"""Run the example's management commands; ``demo`` is the one to begin with."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    # Not setdefault: whoever works on another site may have named its settings in this shell.
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    execute_from_command_line(sys.argv)
