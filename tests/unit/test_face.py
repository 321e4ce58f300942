"""The names that users type are there, whatever was imported before them."""

import importlib
import pkgutil

import pytest

import unfooled


def test_every_public_name_survives_the_import_of_every_module() -> None:
    for module in pkgutil.walk_packages(unfooled.__path__, "unfooled."):
        importlib.import_module(module.name)
    for name in unfooled.__all__:
        assert getattr(unfooled, name) is not None
    for name in ("attack", "audit", "judge", "linf", "load", "load_model", "save", "verify", "wrap", "write_report"):
        assert callable(getattr(unfooled, name))


def test_no_other_name_is_there() -> None:
    assert set(dir(unfooled)) == set(unfooled.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        unfooled.nonsense  # noqa: B018
