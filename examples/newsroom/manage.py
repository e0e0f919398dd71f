#!/usr/bin/env python
"""A newsroom whose articles are the documents: lines marked with `# docchat`, `news/docchat.py` and `news/tools.py`."""

import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")
execute_from_command_line(sys.argv)
