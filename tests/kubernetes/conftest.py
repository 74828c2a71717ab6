"""Its packages are an extra of their own, of 110 MB."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "kubernetes":
            item.add_marker(pytest.mark.kubernetes)
