"""Where the base models of recipes lie. No torch here until one must be made."""

from pathlib import Path

from django.conf import settings

TINY_SEED = 20240416  # the day of the paper; any number would do, but it must stay


class BaseMissing(Exception):
    """The recipe's base model is not on this machine."""


def folder_of(name: str) -> Path:
    """The folder of a recipe's base: a known name among the assets, or a path.

    Raises:
        BaseMissing: there is no such folder.
    """
    known = Path(settings.EXPUNGE_ASSETS) / name
    if name == "tiny" and not known.exists():
        from mlcore.base_files import make_tiny

        make_tiny(known, seed=TINY_SEED)
    folder = known if name.isidentifier() else Path(name).expanduser()
    if not folder.is_dir():
        raise BaseMissing(f"the base model {name} is not here; run make setup")
    return folder
