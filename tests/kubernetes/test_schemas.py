"""What Kubernetes would say of each document, of all keys and their values."""

from types import ModuleType

import pytest

from tests.kubernetes.manifests import KUSTOMIZATION, Document, documents, examples, texts

OLDEST, NEWEST = "1.33", "1.37"
"""The oldest knows `matchLabelKeys` for good. Further ones come with new versions of the package of schemas."""


@pytest.fixture(scope="session")
def schemas() -> ModuleType:
    """The schemas of Kubernetes, without asking anybody for them."""
    try:
        import kubernetes_validate
    except ModuleNotFoundError:
        pytest.fail("pip install 'mailroom[kubernetes]'")
    module: ModuleType = kubernetes_validate
    return module


@pytest.fixture(scope="session")
def shipped() -> list[Document]:
    """All that is applied, and what the page says that may be."""
    files = [text for name, text in texts().items() if name != KUSTOMIZATION]
    found = [document for text in (*files, *examples()) for document in documents(text)]
    return [each for each in found if "apiVersion" in each]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_document_is_valid(schemas: ModuleType, shipped: list[Document], version: str) -> None:
    assert len(shipped) >= 8
    for document in shipped:
        # It raises, too, where it knows no schema; and it takes the newest that it has for one that is newer still.
        assert schemas.validate(document, version, strict=True) == version


def test_a_misspelt_key_is_refused(schemas: ModuleType) -> None:
    (document,) = documents(texts()["first.yaml"].replace("runAsNonRoot", "runAsNonroot"))
    with pytest.raises(schemas.ValidationError, match="runAsNonroot"):
        schemas.validate(document, OLDEST, strict=True)


@pytest.mark.parametrize(
    ("right", "wrong"), [("kind: StatefulSet", "kind: StatefullSet"), ("apiVersion: apps/v1", "apiVersion: apps/v2")]
)
def test_an_unknown_kind_is_refused(schemas: ModuleType, right: str, wrong: str) -> None:
    (document,) = documents(texts()["first.yaml"].replace(right, wrong))
    with pytest.raises(schemas.SchemaNotFoundError):
        schemas.validate(document, OLDEST, strict=True)


def test_a_number_in_place_of_a_text_is_refused(schemas: ModuleType) -> None:
    (document,) = documents(texts()["twin.yaml"].replace('value: "5"', "value: 5"))
    with pytest.raises(schemas.ValidationError, match="5 is not of type"):
        schemas.validate(document, OLDEST, strict=True)
