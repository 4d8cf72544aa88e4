"""A setting that cannot be used is one line that begins with its name, and repeats nothing."""

import os
import subprocess
import sys
from zoneinfo import available_timezones

import pytest
from django.conf import settings

from config import keys, places
from verifier import statements, strict

ROOT = settings.ROOT
DATABASES = [
    "mysql://root:secret@localhost/x",
    "sqlite:///secret.db",
    "secret",
    "postgresql://user:secret@host:port/name",
    "postgresql://user:secret@host",
    "postgresql://[secret/x",
]


def manage(tmp_path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "live"],
        env={**os.environ, "EXPUNGE_VAR": str(tmp_path), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://root:secret@localhost/x"),
        ("EXPUNGE_TIME_ZONE", "Nowhere/X"),
        ("EXPUNGE_LEASE_SECONDS", "abc"),
        ("EXPUNGE_LOG_LEVEL", "loud"),
        ("EXPUNGE_SECURE", "maybe"),
        ("EXPUNGE_PARTITION_KEY", "no hex"),
        ("EXPUNGE_ORIGIN", "Log.example:8443/log"),
        ("EXPUNGE_CONTROLLER", "Acme\u202eLtd"),
    ],
)
def test_a_command_names_the_variable_that_it_cannot_use(tmp_path, name, value):
    done = manage(tmp_path, **{name: value})

    assert done.returncode == 1
    assert done.stderr.startswith(f"CommandError: {name}: ")
    assert done.stderr.count("\n") == 1
    assert value not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("url", DATABASES)
def test_an_address_that_is_no_postgresql_database_is_refused(monkeypatch, tmp_path, url):
    monkeypatch.setenv("DATABASE_URL", url)

    for read in (places.database_url, places.log_keys):
        with pytest.raises(places.BadSetting, match=r"^DATABASE_URL: must be postgresql:") as bad:
            read(tmp_path)
        assert "secret" not in str(bad.value)


def test_addresses_of_postgresql_databases_are_taken(monkeypatch, tmp_path):
    for url in ("postgresql://u:p@h:5432/n", "postgres://u@h/n", "postgresql://u@%2Ftmp%2Fs/n"):
        monkeypatch.setenv("DATABASE_URL", url)

        assert places.database_url(tmp_path) == url


@pytest.mark.parametrize("value", ["abc", "0", "-1", "1.5", "1e3", "\u0663", "9" * 5000])
def test_what_is_no_whole_number_is_refused(monkeypatch, value):
    monkeypatch.setenv("EXPUNGE_X", value)

    with pytest.raises(places.BadSetting, match=r"^EXPUNGE_X: "):
        places.whole(variable="EXPUNGE_X", default=3)


def test_what_is_not_set_or_empty_has_its_default(monkeypatch):
    monkeypatch.setenv("EXPUNGE_X", "")

    assert places.whole(variable="EXPUNGE_X", default=3) == 3
    assert places.time_zone(variable="EXPUNGE_X") == "UTC"
    assert places.log_level(variable="EXPUNGE_X") == "WARNING"
    assert not places.flag("EXPUNGE_X")


@pytest.mark.parametrize("value", ["Nowhere/X", "Europe", "../etc/passwd", "/etc", "a\nb"])
def test_what_is_no_time_zone_is_refused(monkeypatch, value):
    monkeypatch.setenv("EXPUNGE_X", value)

    with pytest.raises(places.BadSetting, match=r"^EXPUNGE_X: "):
        places.time_zone(variable="EXPUNGE_X")


def test_every_time_zone_is_taken(monkeypatch):
    for name in sorted(available_timezones())[::40]:
        monkeypatch.setenv("EXPUNGE_X", name)

        assert places.time_zone(variable="EXPUNGE_X") == name


def test_a_bad_key_is_a_bad_setting():
    assert issubclass(keys.BadKey, places.BadSetting)


@pytest.mark.parametrize(
    "name",
    ["localhost:8443/log", "Expunge.example/log", "expunge.example/", "https://x/log", "a" * 201],
)
def test_a_log_has_a_name_that_statements_can_hold(monkeypatch, name):
    monkeypatch.setenv("EXPUNGE_X", name)

    with pytest.raises(places.BadSetting, match=r"^EXPUNGE_X: "):
        places.origin(variable="EXPUNGE_X", default="expunge.example/log")


@pytest.mark.parametrize("name", ["expunge.local/log", "log", "expunge.example/2027/Log_2"])
def test_what_a_log_may_be_called_can_be_attested_under(monkeypatch, name):
    monkeypatch.setenv("EXPUNGE_X", name)

    assert places.origin(variable="EXPUNGE_X", default="x") == name
    assert strict.text(name, "origin", pattern=statements.ORIGIN) == name


@pytest.mark.parametrize("name", ["a\nb", "a\u200cb", "\u2066a", "a" * 2001])
def test_a_controller_has_a_name_that_certificates_can_hold(monkeypatch, name):
    monkeypatch.setenv("EXPUNGE_X", name)

    with pytest.raises(places.BadSetting, match=r"^EXPUNGE_X: "):
        places.controller(variable="EXPUNGE_X", default="x")
