"""What a stranger types, and what they read: nothing ends in a traceback, or repeats a secret."""

import json
import subprocess
import sys
import tomllib
import unicodedata

import pytest
from django.conf import settings

from tests.verifier import bundles
from tests.verifier.bundles import LOG, LOG_PQ, RECEIPT
from tests.verifier.story import Story
from verifier import cli
from verifier.report import EXITS

PACKAGE = settings.ROOT / "packaging" / "verifier"
AT = ("--at", "2026-03-01T13:00:00Z")
CSV = (
    "subject,item,value,timestamp\n"
    "bert,film-7,5,1772366400\n"
    "anna,film-0,3.50,2026-03-01T12:00:00.250000Z\n"
    "anna,film-1,3.5,1772280000.25\n"
    '"anna","film-2",+3.5000,2026-02-27T13:00:00.25+01:00\n'
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A bundle, the key, the receipt and the records, as somebody has them."""
    found = tmp_path_factory.mktemp("bundle")
    (found / "bundle.zip").write_bytes(Story().bundle().zip())
    (found / "log.pub").write_text(f"{LOG.vkey}\n{LOG_PQ.vkey}\n")
    (found / "receipt").write_text(f"{RECEIPT}\n")
    (found / "records.csv").write_text(CSV)
    return found


@pytest.fixture
def run(folder, monkeypatch, capsysbinary):
    """Runs the command in that folder: exit code, output and errors."""
    monkeypatch.chdir(folder)

    def run(*arguments):
        try:
            code = cli.main(arguments)
        except SystemExit as ended:
            code = ended.code
        out, err = capsysbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


def test_a_bundle_that_holds_says_what_it_proves_and_what_not(run):
    code, out, err = run("bundle.zip", "--key", "log.pub", *AT)

    assert (code, err) == (0, "")
    assert [f"✓ {number:2}. " in out for number in range(1, 10)] == [True] * 9
    assert "– 10. The receipt: no receipt was given" in out
    assert "DR-2026-0001" in out
    assert "The bundle holds." in out
    assert "Level L3: " in out
    assert "not a theorem about the weights" in " ".join(out.split())
    assert "openssl ts" in out


def test_a_report_fits_a_terminal(run):
    arguments = ("--key", "log.pub", "--receipt", "receipt", *AT)
    for given in (arguments, arguments[:2], ("--key", bundles.WITNESS.vkey)):
        lines = run("bundle.zip", *given)[1].splitlines()

        assert lines
        assert max(map(len, lines)) <= 80
        assert not any(unicodedata.category(each) == "Cc" for line in lines for each in line)


def test_programs_read_the_same(run):
    code, out, _ = run("bundle.zip", "--key", LOG.vkey, "--receipt", "receipt", "--json", *AT)
    said = json.loads(out)

    assert said["exit"] == code == 0
    assert said["level"] == said["claimed"] == "L3"
    assert [step["number"] for step in said["steps"]] == [*range(1, 11)]
    assert {step["state"] for step in said["steps"]} == {"ok"}
    assert said["notProven"]


def test_the_key_is_a_file_or_itself(run):
    for key in ("log.pub", LOG.vkey, LOG_PQ.vkey):
        assert run("bundle.zip", "--key", key, *AT)[0] == 0


def test_the_persons_own_copy_shows_that_the_records_were_theirs(run):
    mine = ("--key", "log.pub", "--receipt", "receipt", "--records", "records.csv")

    code, out, _ = run("bundle.zip", *mine, "--subject", "anna", *AT)
    assert (code, "records were erased: 3" in out) == (0, True)
    assert run("bundle.zip", *mine, "--subject", "bert", *AT)[0] == 20


def test_a_refusal_says_which_step_and_goes_no_further(run, folder):
    raw = (folder / "bundle.zip").read_bytes()
    (folder / "longer.zip").write_bytes(raw + b"\0")

    code, out, _ = run("longer.zip", "--key", "log.pub", *AT)
    assert code == 10
    assert "✗  1. The archive: " in out
    assert "Level" not in out
    assert EXITS[10] in out

    code, out, _ = run("bundle.zip", "--key", "log.pub", "--at", "2036-01-01")
    assert code == 13
    assert "✗  3. The certificate: the certificate has expired" in out


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("bundle.zip",),
        ("bundle.zip", "--key"),
        ("bundle.zip", "--key", "no such file"),
        ("bundle.zip", "--key", "bundle.zip"),
        ("bundle.zip", "--key", "receipt"),
        ("bundle.zip", "--key", "empty"),
        ("bundle.zip", "--key", "x" * 5000),
        ("bundle.zip", "--key", "a\0b"),
        ("no such file", "--key", "log.pub"),
        (".", "--key", "log.pub"),
        ("bundle.zip", "--key", "log.pub", "--at", "noon"),
        ("bundle.zip", "--key", "log.pub", "--receipt", "no such file"),
        ("bundle.zip", "--key", "log.pub", "--subject", "anna"),
        ("bundle.zip", "--key", "log.pub", "--records", "records.csv"),
        ("bundle.zip", "--key", "log.pub", "--records", "records.csv", "--subject", "anna"),
        ("bundle.zip", "--key", "log.pub", "--unknown", "anna"),
        ("bundle.zip", "--k", "log.pub"),
        ("bundle.zip", "more.zip", "--key", "log.pub"),
    ],
)
def test_a_wrong_command_says_so(run, folder, arguments):
    (folder / "empty").write_text("\n")

    code, out, err = run(*arguments)

    assert (code, out) == (2, "")
    assert "verifier: " in err
    assert "Traceback" not in err
    assert "anna" not in err


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe",
        b"subject,item,value\n",
        b"subject,item,value,timestamp,more\n",
        b"subject,item,value,timestamp,subject\n",
        b"subject,item,value,timestamp\n",
        b"subject,item,value,timestamp\nanna,secret\n",
        b"subject,item,value,timestamp\nanna,secret,many,0\n",
        b"subject,item,value,timestamp\nanna,secret,1e5,0\n",
        b"subject,item,value,timestamp\nanna,secret,1,yesterday\n",
        b"subject,item,value,timestamp\nanna,secret,1,99999999999999999\n",
        b'subject,item,value,timestamp\nanna,"secret\n',
        b"subject,item,value,timestamp\nbert,secret,1,0\n",
    ],
)
def test_records_that_cannot_be_read_are_not_repeated(run, folder, text):
    (folder / "other.csv").write_bytes(text)
    given = ("--key", "log.pub", "--receipt", "receipt", "--records", "other.csv")

    code, out, err = run("bundle.zip", *given, "--subject", "anna", *AT)

    assert (code, out) == (2, "")
    assert "records" in err
    assert not {"anna", "bert", "secret"} & {*err.replace(",", " ").split()}


def test_a_secret_comes_by_standard_input_and_is_not_repeated(folder):
    """In a process of its own, that knows no other path than the verifier's."""
    command = [sys.executable, "-m", "verifier", "bundle.zip", "--key", "log.pub", *AT]

    def run(receipt):
        return subprocess.run(
            [*command, "--receipt", "-"],
            input=receipt.encode(),
            capture_output=True,
            cwd=folder,
            env={"PYTHONPATH": str(settings.ROOT / "platform"), "PYTHONDONTWRITEBYTECODE": "1"},
            check=False,
        )

    # As it was printed, with what stood around it; and one that is not this request's.
    good, bad = run(f"receipt  {RECEIPT}  (shown once)\n"), run(f"{RECEIPT[:-1]}9\n")

    assert good.returncode == 0, good.stderr
    assert bad.returncode == 20
    assert b"050505" not in good.stdout + good.stderr + bad.stdout + bad.stderr
    assert "✗ 10. The receipt" in bad.stdout.decode()


def test_every_exit_code_is_documented_and_shown(run):
    table = (settings.ROOT / "docs" / "bundle.md").read_text()
    _, out, _ = run("--help")

    for code, text in EXITS.items():
        assert f"| {code} | {text} |" in table
        assert f"{code:2}  the bundle {text}" in out


def test_the_verifier_installs_and_runs_without_anything_else_of_ours(folder, tmp_path):
    """Offline, into an empty folder, and from there."""
    target = tmp_path / "installed"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"),
            *("--no-build-isolation", "--disable-pip-version-check", "--target", str(target)),
            str(PACKAGE),
        ],
        check=True,
        cwd=tmp_path,
    )

    ours = {"config", "console", "evidence", "erasure", "registry", "corpus", "ledger", "mlcore"}
    assert not ours & {path.name for path in target.iterdir()}
    found = {path.relative_to(target).as_posix() for path in (target / "verifier").rglob("*.py")}
    here = settings.ROOT / "platform"
    assert found == {
        path.relative_to(here).as_posix() for path in (here / "verifier").rglob("*.py")
    }
    # -P: not even the folder that it is called from.
    done = subprocess.run(
        [sys.executable, "-P", "-m", "verifier", "bundle.zip", "--key", "log.pub", *AT],
        capture_output=True,
        cwd=folder,
        env={"PYTHONPATH": str(target)},
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_package_depends_on_what_the_platform_has():
    own = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    whole = tomllib.loads((settings.ROOT / "pyproject.toml").read_text())["project"]

    assert own["version"] == whole["version"]
    assert own["dependencies"] == ["cryptography>=50"]
    assert {*own["dependencies"]} <= {*whole["dependencies"]}
