"""States, clocks, times and digests, as pages write them."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from console import clock, listing, stages, timeline, words
from console.clock import Standing
from console.tags import ICONS, day, duration, grouped, icon, moment, person, short
from erasure.clocks import Regulation
from erasure.models import DeletionRequest
from erasure.states import NEXT, State
from ledger.kinds import Kind
from registry.models import Release, TrainingRun

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
CSS = (settings.ROOT / "static" / "app.css").read_text()
SPRITE = (settings.ROOT / "templates" / "components" / "sprite.html").read_text()
# What a person must be able to tell by colour: the tone of every state that a page can show.
TONES = {
    "good": {"clean", "kept", "done", "completed", "on_track", "in_time"},
    "work": {"approved", "executing", "running", "verifying", "new"},
    "warn": {"awaiting_approval", "at_risk", "action"},
    "bad": {"overdue", "late", "failed", "refused"},
    "idle": {"waiting", "denied", "cancelled", "stopped", "obsolete", "full", "fallback"},
}


def tones_of(state):
    """The tones that app.css gives a state; without any it is grey."""
    block = CSS[CSS.index("[data-state] {") : CSS.index("/* --- Frame")]
    rules = re.findall(r":is\(([^)]*)\) \{\s*--tone: var\(--(\w+)\)", block)
    return [tone for names, tone in rules if f"[data-state={state}]" in names] or ["idle"]


def ticket(state=State.AWAITING_APPROVAL, **fields):
    filer = User(pk=1, username="filer")
    return DeletionRequest(
        number="DR-2026-0001",
        state=state,
        filed_by=filer,
        decided_by=User(pk=2, username="second"),
        scope=fields.pop("scope", DeletionRequest.Scope.WHOLE),
        regulation=Regulation.GDPR,
        received_at=NOON - timedelta(days=9),
        due_on=(NOON + timedelta(days=19)).date(),
        decided_at=NOON,
        **fields,
    )


@pytest.mark.parametrize("enum", [State, Standing, TrainingRun.State, Release.Kind])
def test_every_state_has_a_shape_that_is_drawn_and_one_tone(enum):
    for state in enum:
        assert f'id="i-{icon(state)}"' in SPRITE
        assert len(tones_of(state.value)) == 1


def test_every_shape_is_of_a_state_whose_tone_is_decided():
    assert set(ICONS) == set().union(*TONES.values())


@pytest.mark.parametrize("tone", TONES)
def test_tone_says_what_the_state_asks_of_people(tone):
    for state in TONES[tone]:
        assert tones_of(state) == [tone]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("scope", DeletionRequest.Scope)
def test_every_state_has_its_sentences(state, scope):
    reader = words.Reader(user=User(pk=3, username="reader"), may_decide=True)

    said = words.status(ticket(state, scope=scope, clean_at=NOON), reader)

    assert all([said.lead.endswith("."), said.now.endswith("."), said.next, said.who])
    assert words.next_actor(ticket(state), reader)


@pytest.mark.parametrize("state", State)
def test_no_state_before_the_erasing_transaction_claims_that_the_data_is_out(state):
    reader = words.Reader(user=User(pk=3), may_decide=False)
    one = ticket(state, clean_at=NOON, subject_id="00000000-0000-4000-8000-000000000000")

    said = words.status(one, reader)

    claims = "no longer serves" in f"{said.lead} {said.now}"
    assert claims == one.is_erased
    assert words.serving(one)[0] == ("clean" if one.is_erased else "serving")


@pytest.mark.parametrize("state", State)
def test_stages_show_exactly_one_as_current_until_the_end(state):
    shown = stages.stages(ticket(state, clean_at=NOON), None)

    assert sum(stage.is_current for stage in shown) == (0 if state == State.COMPLETED else 1)
    assert bool(stages.steps(ticket(state, clean_at=NOON), None)) == (
        state in NEXT[State.AWAITING_APPROVAL] - {State.DENIED, State.CANCELLED}
        or ticket(state).is_erased
    )


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_event_has_words(kind):
    facts = {"from": "awaiting_approval", "to": "approved"}

    assert timeline.WORDS[kind](facts)


@pytest.mark.parametrize(
    ("left", "standing", "label"),
    [
        (-2, Standing.OVERDUE, "2 days overdue"),
        (-1, Standing.OVERDUE, "1 day overdue"),
        (0, Standing.AT_RISK, "Due today, at risk"),
        (3, Standing.AT_RISK, "3 days left, at risk"),
        (4, Standing.ON_TRACK, "4 days left"),
    ],
)
def test_clock_says_in_words_how_it_stands(left, standing, label):
    one = ticket()
    one.due_on = (NOON + timedelta(days=left)).date()

    ruler = clock.ruler(one, at=NOON)

    assert (ruler.standing, ruler.label) == (standing, label)


@pytest.mark.parametrize(("late", "standing"), [(0, Standing.IN_TIME), (1, Standing.LATE)])
def test_clock_of_an_answered_request_stands_still(late, standing):
    one = ticket(State.COMPLETED)
    one.completed_at = datetime.combine(one.due_on, NOON.time(), UTC) + timedelta(days=late)

    then = clock.ruler(one, at=NOON)
    years_later = clock.ruler(one, at=NOON + timedelta(days=900))

    assert then == years_later
    assert then.standing == standing


@pytest.mark.parametrize("days_gone", [-3, 0, 1, 28, 400])
def test_ruler_never_leaves_its_track(days_gone):
    one = ticket()

    ruler = clock.ruler(one, at=one.received_at + timedelta(days=days_gone))

    assert 0 <= float(ruler.used) <= 100


@pytest.mark.parametrize("key", listing.VIEWS)
def test_every_view_has_words_for_being_empty(key):
    assert listing.VIEWS[key].empty.endswith(".")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [("1.7", "1.7 s"), (44, "44 s"), (524, "8 min 44 s"), (7500, "2 h 5 min"), (None, "")],
)
def test_duration_is_written_as_people_say_it(seconds, said):
    assert duration(seconds) == said


def test_moment_of_today_is_a_time_and_of_another_day_a_date():
    now = timezone.now()

    assert re.fullmatch(r"\d\d:\d\d:\d\d", moment(now))
    assert re.fullmatch(r"\d+ \w{3}( \d{4})? \d\d:\d\d", moment(now - timedelta(days=1)))
    assert moment(None) == day(None) == ""


def test_short_digest_keeps_both_ends():
    digest = bytes(range(32))

    assert short(digest) == short(digest.hex()) == "00010203…1e1f"
    assert short("18266860") == "18266860"


def test_person_is_called_by_name_and_nobody_by_nothing():
    named = User(username="o1", first_name="Ada", last_name="Byron")

    assert person(named) == "Ada Byron"
    assert person(User(username="o1")) == "o1"
    assert person(None) == "Nobody"
    assert grouped("96502") == "96,502"
