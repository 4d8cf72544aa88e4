"""What `up` tells whoever starts it, and what it leaves out."""

import json

import pytest

from config.management.commands import up


def test_up_listens_on_this_machine_alone_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv("EXPUNGE_BIND", raising=False)
    monkeypatch.setenv("PORT", "8123")

    assert up.address() == "127.0.0.1:8123"


def test_a_whole_address_wins_over_a_port(monkeypatch):
    monkeypatch.setenv("EXPUNGE_BIND", "10.0.0.1:80")
    monkeypatch.setenv("PORT", "8123")

    assert up.address() == "10.0.0.1:80"


def test_up_names_who_can_sign_in_and_never_shows_a_password(settings, tmp_path):
    settings.EXPUNGE_VAR = tmp_path
    path = tmp_path / "demo" / "users.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"officer": "open-sesame", "approver": "swordfish"}))

    said = up.who_can_sign_in()

    assert "officer" in said
    assert "approver" in said
    assert str(path) in said
    assert "open-sesame" not in said
    assert "swordfish" not in said


def test_up_without_the_demo_says_how_to_get_an_account(settings, tmp_path):
    settings.EXPUNGE_VAR = tmp_path

    assert "create_user" in up.who_can_sign_in()


@pytest.mark.parametrize(("ended", "expected"), [(130, 0), (143, 0), (3, 3), (None, 0)])
def test_only_a_process_that_fails_makes_up_fail(monkeypatch, ended, expected):
    class Ended(up.Manager):
        def loop(self):
            self.returncode = ended

    monkeypatch.setattr(up, "Manager", Ended)

    assert up.run("127.0.0.1:0") == expected
