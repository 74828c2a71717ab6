import pytest

from mailroom.sandbox import SetError
from mailroom.sandbox.patch import apply_patch, split_pointer


def test_a_patch_sets_and_removes_members_and_leaves_the_original_alone() -> None:
    original = {"members": {"a": True, "b": True}, "kind": "group"}
    patched = apply_patch(original, {"members/a": None, "members/c": True, "kind": "org"})
    assert patched == {"members": {"b": True, "c": True}, "kind": "org"}
    assert original == {"members": {"a": True, "b": True}, "kind": "group"}


def test_slashes_and_tildes_in_a_name_are_escaped() -> None:
    assert split_pointer("members/a~1b~0c~01") == ["members", "a/b~c~1"]
    assert apply_patch({"members": {}}, {"members/urn:x~1y": True}) == {"members": {"urn:x/y": True}}


def test_removing_what_is_not_there_changes_nothing() -> None:
    assert apply_patch({"mailboxIds": {"a": True}}, {"mailboxIds/b": None}) == {"mailboxIds": {"a": True}}


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param({"missing/a": True}, id="through something missing"),
        pytest.param({"list/0": True}, id="into an array"),
        pytest.param({"members": {}, "members/a": True}, id="one pointer is the prefix of another"),
    ],
)
def test_an_impossible_pointer_is_an_invalid_patch(patch: dict[str, object]) -> None:
    with pytest.raises(SetError) as caught:
        apply_patch({"members": {}, "list": [1]}, patch)
    assert caught.value.kind == "invalidPatch"
