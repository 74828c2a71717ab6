"""What the state card's note keeps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.contacts.base import Card, CardEdit, Fields, Group, NewCard
from mailroom.decisions.state_card import (
    EXPLANATION,
    MOST_EXPIRED,
    Expired,
    State,
    change_of,
    read_state,
    uid_of,
    with_state,
)

SINCE = datetime(2026, 11, 26, 10, tzinfo=UTC)
STATE = State(screening_since=SINCE, open_until=SINCE + timedelta(minutes=15))
NOTE = f"{EXPLANATION}\nScreening since 2026-11-26T10:00:00Z\nOpen until 2026-11-26T10:15:00Z"
GROUP = Group("g", "g", "Mailroom", frozenset())

some_moments = st.datetimes(datetime(1970, 1, 1), datetime(2199, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
moments = st.none() | some_moments
some = st.builds(Expired, st.integers(1, 10_000), some_moments)
states = st.builds(State, moments, moments, st.none() | st.dates(), moments, st.lists(some, max_size=3).map(tuple))


def test_a_new_note_explains_itself() -> None:
    assert with_state("", STATE) == NOTE
    assert read_state(NOTE) == STATE


@given(states, states, st.text())
def test_what_is_written_is_read_and_what_the_user_wrote_stays(before: State, after: State, text: str) -> None:
    note = with_state(with_state(text, before), after)
    assert read_state(note) == after
    assert with_state(note, after) == note
    assert not text.strip() or note.startswith(text)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "Digest of today",
        "Digest of 2026-02-30",
        "Screening since yesterday",
        "Screening since 2026-11-26",
        "screening since 2026-11-26T10:00:00Z",
    ],
)
def test_what_is_no_moment_is_no_line(note: str) -> None:
    assert read_state(note) == State()


def test_lines_of_a_later_version_stay() -> None:
    note = with_state(f"{NOTE}\nAsleep until 2027-01-01T00:00:00Z", replace(STATE, open_until=None))
    assert note.splitlines()[1:] == ["Screening since 2026-11-26T10:00:00Z", "Asleep until 2027-01-01T00:00:00Z"]


def test_the_card_is_made_once_and_found_by_its_uid() -> None:
    change = change_of("a1", None, STATE, GROUP)
    assert change is not None
    assert isinstance(change.card, NewCard)
    assert (change.uid, change.join, change.card.note) == (uid_of("a1"), (GROUP,), NOTE)
    assert uid_of("a1") != uid_of("a2")


def test_a_card_that_keeps_the_state_already_is_left_alone() -> None:
    card = Card("ref", uid_of("a1"), Fields("Mailroom"), frozenset(), NOTE)
    member = replace(GROUP, members=frozenset({card.uid}))
    assert change_of("a1", card, STATE, member) is None
    outside = change_of("a1", card, STATE, GROUP)
    assert outside is not None
    assert (outside.card, outside.join) == (None, (GROUP,))
    edited = change_of("a1", card, State(screening_since=SINCE), member)
    assert edited is not None
    assert isinstance(edited.card, CardEdit)
    assert edited.card.note == f"{EXPLANATION}\nScreening since 2026-11-26T10:00:00Z"


def test_what_expired_is_kept_for_the_latest_times() -> None:
    many = tuple(Expired(n, SINCE + timedelta(days=n)) for n in range(1, MOST_EXPIRED + 3))
    note = with_state("", State(expired=many))
    assert read_state(note).expired == many[2:]
    assert "\nExpired 3 mails on 2026-11-29T10:00:00Z\n" in note
    assert read_state("Expired 1 mail on 2026-11-29T10:00:00Z\nExpired some mails on 2026-11-29").expired == (
        Expired(1, SINCE + timedelta(days=3)),
    )
