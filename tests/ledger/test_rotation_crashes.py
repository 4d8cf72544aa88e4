"""A step of a key's rotation dies at each of its writes in turn, and is asked for again."""

import pytest

from ledger import earlier, files, log, signing
from ledger.kinds import Kind
from ledger.models import TreeHead
from ledger.verify import verify
from tests.ledger.test_rotation import begin, by, events, finish, new, old, sign

__all__ = ["new", "old"]

pytestmark = pytest.mark.django_db


class Died(RuntimeError):
    """The process, at a write."""


def die_at(monkeypatch, number):
    """Let the process die just before its so-many-th change of a file or of the log."""
    left = [number]

    def mortal(work):
        def run(*args, **kwargs):
            if not left[0]:
                raise Died
            left[0] -= 1
            return work(*args, **kwargs)

        return run

    for name in ("write_once", "replace", "move"):
        monkeypatch.setattr(files, name, mortal(getattr(files, name)))
    monkeypatch.setattr(log, "append", mortal(log.append))
    return left


def survives(step, number, monkeypatch, write):
    """Whether the step died there. The log is signed and verifies meanwhile, with either key."""
    with monkeypatch.context() as patched:
        die_at(patched, number)
        try:
            step()
        except Died:
            pass
        else:
            return False
    write(1)
    sign()
    assert verify().first_difference is None
    return True


@pytest.mark.parametrize("number", range(6))
def test_a_crash_in_the_first_step_is_mended_by_asking_again(old, write, monkeypatch, number):
    died = survives(begin, number, monkeypatch, write)
    assert verify(vkey=old).first_difference is None

    new = begin() if died else signing.vkeys()[1]

    sign()
    assert events(new) == [(Kind.LOG_KEY_ADDED, new)]
    assert signing.vkeys() == (old, new)
    finish()
    sign()
    assert verify(vkey=new).first_difference is None
    assert died == (number < 5)


@pytest.mark.parametrize("number", range(7))
def test_a_crash_in_the_second_step_is_mended_by_asking_again(old, new, write, monkeypatch, number):
    died = survives(finish, number, monkeypatch, write)
    assert verify(vkey=new).first_difference is None

    if died:
        assert finish() == old

    sign()
    assert events(old) == [(Kind.LOG_KEY_RETIRED, old)]
    assert signing.vkeys() == (new,)
    assert not any((signing.folder() / each).exists() for each in ("log.next", "log.next2"))
    assert by(TreeHead.objects.order_by("-size").first(), old, new) == {new}
    assert earlier.retired()[old] == max(
        head.size for head in TreeHead.objects.all() if by(head, old)
    )
    assert verify().first_difference is None
    assert died == (number < 6)


def test_what_a_crash_left_of_the_last_rotation_is_logged_by_the_next(old, new, monkeypatch):
    with monkeypatch.context() as patched:
        die_at(patched, 5)
        with pytest.raises(Died):
            finish()
    assert signing.signer().vkey == new

    begin()

    assert events(old) == [(Kind.LOG_KEY_RETIRED, old)]
