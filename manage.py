#!/usr/bin/env python
"""Django's manage.py, with platform/ on the path."""

import os
import sys
from pathlib import Path

# `platform/` is a source root, like `src/`: its children are the packages.
# An installed checkout (`pip install -e .`) has this on the path already.
sys.path.insert(0, str(Path(__file__).resolve().parent / "platform"))


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

    from django.core.management import execute_from_command_line

    from config.places import BadSetting

    try:
        execute_from_command_line(sys.argv)
    except (
        BadSetting
    ) as error:  # raised while settings load, before any command could answer for it
        sys.exit(f"CommandError: {error}")


if __name__ == "__main__":
    main()
