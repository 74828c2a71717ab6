"""JSON as it comes over the wire."""

import json
from collections.abc import Mapping
from typing import Annotated

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mailroom import wire
from mailroom.errors import BadReply, TooLarge
from mailroom.wire import FIRST_FAULT, Wire, decoded, parsed, reader


@pytest.mark.parametrize(
    ("document", "value"),
    [
        (rb'"\ud83d\ud83d\ude00"', "\ufffd😀"),
        (rb'"\ud83d\ude00\ude00"', "😀\ufffd"),
        (rb'"\\ud83d\ude00"', "\\ud83d\ufffd"),
        (rb'"\uDC00x\\\uD800\\"', "\ufffdx\\\ufffd\\"),
        (rb'"\ud800\\u"', "\ufffd\\u"),
    ],
)
async def test_half_a_character_is_replaced(document: bytes, value: str) -> None:
    assert await decoded(document) == value


@given(st.text(st.characters() | st.sampled_from('\ud83d\ude00\\u"d8'), max_size=20))
def test_whatever_escapes_a_document_has_it_is_read_as_text_that_can_be_sent_back(text: str) -> None:
    document = json.dumps(text).encode()
    assert trio.run(decoded, document) == json.loads(document).encode("utf-16", "surrogatepass").decode(
        "utf-16", "replace"
    )


@pytest.mark.parametrize(
    "document", [b"", b"{", b"[1] 2", b"NaN", b"[" * 100_000, b"1" * 100_000, b'"\xff"', b'"\0\\ud800"']
)
async def test_what_is_no_json_is_told_as_such(document: bytes) -> None:
    with pytest.raises(ValueError, match="at line 1 column"):
        await decoded(document)


@pytest.mark.parametrize("unit", [b"1", b"{}", b"[]", b'{"a":1}'])
def test_too_many_values_are_not_read(unit: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_JSON_VALUES", 30)
    assert parsed(b"[%b]" % b",".join([unit] * 10))
    with pytest.raises(TooLarge, match="expected at most 30 values at once"):
        parsed(b"[%b]" % b",".join([unit] * 31))


class Inner(Wire):
    id: str


class Outer(Wire):
    many: Annotated[tuple[Inner, ...], FIRST_FAULT] = ()
    by_name: Annotated[Mapping[str, Inner], FIRST_FAULT] = {}


@pytest.mark.parametrize(
    ("value", "place"), [({"many": [{}] * 9}, "many/0/id"), ({"byName": {"x": {}, "y": {}}}, "byName/x/id")]
)
def test_of_many_faults_the_first_is_looked_for_and_told(value: object, place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(value)
    assert caught.value.error_count() == 1
    with pytest.raises(BadReply, match=f"malformed at {place}; expected field required"):
        reader(Outer)(value)
