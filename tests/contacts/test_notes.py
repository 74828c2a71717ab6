"""Several notes of one card, read and written as one text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.contacts.joined_notes import joined, revised


@pytest.mark.parametrize(
    ("texts", "wanted", "expected"),
    [
        (["a", "b"], "a\nb", ("a", "b")),
        (["a", "b"], "a", ("a", None)),
        (["a", "b"], "b", (None, "b")),
        (["a", "b", "c"], "a\nc", ("a", None, "c")),
        (["a", "b"], "", (None, None)),
        (["a", "b"], "a\nb\nc", ("a", "b\nc")),
        (["a", "b"], "x\nb", ("x", "b")),
        (["a", "b"], "x\ny", (None, "x\ny")),
        (["a\n\nlog", "b"], "a\nb", ("a", "b")),
        ([], "", ()),
    ],
)
def test_as_few_notes_as_possible_change(texts: list[str], wanted: str, expected: tuple[str | None, ...]) -> None:
    assert revised(texts, wanted) == expected


@given(texts=st.lists(st.text("ab\n", max_size=4), min_size=1), wanted=st.text("ab\n", max_size=8))
def test_joined_they_read_what_was_wanted(texts: list[str], wanted: str) -> None:
    assert joined([text for text in revised(texts, wanted) if text is not None]) == wanted


def test_very_many_notes_are_revised_at_once() -> None:
    """With work for each pair of them a third took 18 s: all would take longer than a test may."""
    texts = [f"line {n}" for n in range(60_000)]
    assert revised(texts, joined([*texts, "new"])) == (*texts[:-1], f"{texts[-1]}\nnew")


def revised_one_by_one(texts: list[str], wanted: str) -> tuple[str | None, ...]:
    """The rule, spelled out: each way is tried."""
    if wanted == joined(texts):
        return tuple(texts)
    if not wanted:
        return (None,) * len(texts)
    for index in range(len(texts)):
        rest = [*texts[:index], *texts[index + 1 :]]
        if rest and joined(rest) == wanted:
            return (*texts[:index], None, *texts[index + 1 :])
    candidates: list[tuple[bool, int, str]] = []
    for index, text in enumerate(texts):
        before = "".join(f"{other}\n" for other in texts[:index])
        after = "".join(f"\n{other}" for other in texts[index + 1 :])
        if wanted.startswith(before) and wanted.endswith(after) and len(wanted) >= len(before) + len(after):
            new = wanted[len(before) : len(wanted) - len(after)]
            candidates.append((new.startswith(text), index, new))
    if not candidates:
        return (*(None,) * (len(texts) - 1), wanted)
    _, index, new = max(candidates)
    return (*texts[:index], new, *texts[index + 1 :])


@given(texts=st.lists(st.text("ab\n", max_size=4), min_size=1), wanted=st.text("ab\n", max_size=12))
def test_looked_at_once_they_are_revised_as_one_by_one(texts: list[str], wanted: str) -> None:
    assert revised(texts, wanted) == revised_one_by_one(texts, wanted)


@given(texts=st.lists(st.text("ab\n", max_size=4), min_size=1), data=st.data())
def test_looked_at_once_changes_of_one_note_are_found_as_one_by_one(texts: list[str], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(texts) - 1))
    changed = data.draw(st.one_of(st.none(), st.text("ab\n", max_size=6), st.just(texts[index] + "a")))
    after = [*texts[:index], *([] if changed is None else [changed]), *texts[index + 1 :]]
    assert revised(texts, joined(after)) == revised_one_by_one(texts, joined(after))
