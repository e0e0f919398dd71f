#!/usr/bin/env python
"""A site of its own that has added the chat. The lines that did it are marked with `# docchat`."""

import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hostsite.settings")
execute_from_command_line(sys.argv)
