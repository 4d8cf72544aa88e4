"""Small lies to tell a story with, and what the verifier says of them."""

from dataclasses import replace

from tests.verifier.story import Story

# How tests name the edits of one adapter and of the release.
LAST = "shard-00/slice-1"
ZEROS = "0" * 64
HONEST = Story()
HONEST.bundle()


def code(bundle, **given):
    """The exit code; a level is reached exactly if it is 0."""
    report = bundle.check(**given)
    assert bool(report.level) == (report.exit_code == 0)
    return report.exit_code


def told(story=Story, edits=()):
    """The exit code of what happened, with edits by name."""
    return code(story(dict(edits)).bundle())


def place(name, *, more=0):
    """Where an honest story has an entry, or one so many behind it."""
    return str(HONEST.places[name] + more)


def second(name, *, more=0):
    """When that was."""
    return HONEST.spelt(HONEST.places[name] + more)


def setting(**fields):
    """Sets members of an object."""
    return lambda value: {**value, **fields}


def saying(**facts):
    """Sets facts of an entry."""
    return lambda event: {**event, "facts": {**event["facts"], **facts}}


def but(**fields):
    """Sets fields of facts for a statement."""
    return lambda said: replace(said, **fields)


def within(name, **fields):
    """Sets fields of what is within them."""
    return lambda said: replace(said, **{name: replace(getattr(said, name), **fields)})


def certified(*path, value):
    """Sets one thing in the certificate, by its path."""

    def edit(body):
        at = body
        for name in path[:-1]:
            at = at[name]
        at[path[-1]] = value

    return {"certificate": edit}
