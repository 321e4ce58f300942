"""From the name of a model to the model: `module:factory`, `hf:`, `timm:`, `zoo:`, `onnx:`, `http:`, `exec:`."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from unfooled.core.errors import OWN_FAULT, InputError, ModelError, UnfooledError
from unfooled.core.target import Model

from . import hugging_face, timm_models, zoo_models
from .classifier import Classifier, is_adapter, wrap
from .detector import Detector
from .speech import SpeechModel
from .weights import load_weights

FORMS = (
    "`package.module:factory`, `path/to/file.py:factory`, `hf:NAME_OR_FOLDER`, `timm:NAME`, `zoo:efficientnet-lite0`, "
    "`onnx:PATH.onnx`, `http:FILE.yaml` or `exec:COMMAND`"
)


def load_model(spec: str, *, device: str | torch.device = "cpu", weights: str | Path | None = None) -> Model:
    """Load a model by name, in evaluation mode and on a device.

    `module:factory` and `file.py:factory` import Python code of yours, the current folder included, and call the
    factory without arguments: it returns a torch module, or an adapter with `answer`, `outputs` and `read`. Only load
    code that you trust.

    Args:
        spec: `module:factory`, `path/to/file.py:factory`, `hf:NAME_OR_FOLDER`, `timm:NAME`,
            `zoo:efficientnet-lite0`; or one that can only be asked: `onnx:PATH`, `http:FILE.yaml`, `exec:COMMAND`.
        device: Where a torch module goes; an adapter of your own goes where it puts itself.
        weights: A .safetensors file, or a .pt file of tensors alone: for the module of a factory or of `timm:`.

    Raises:
        InputError: There is no such scheme, Python module or file.
        ModelError: The model cannot be loaded, or is no model.
        MissingExtraError: What the scheme needs is not installed.
    """
    scheme, _, name = spec.partition(":")
    if not (scheme and name):
        raise InputError("This names no model", repr(spec), near_miss(spec) or f"Use {FORMS}.")
    path = None if weights is None else Path(weights)
    if scheme in SCHEMES:
        model = SCHEMES[scheme](name, path)
    else:
        model = _from_factory(spec)
        if path is not None:
            load_weights(_module_of(model, spec), path)
    if not isinstance(model, Classifier | Detector | SpeechModel):
        return model
    module = model.module.eval().to(device)
    return replace(model, module=module)


def near_miss(spec: str) -> str:
    """Guess what somebody meant who wrote no model: the name of its kind is missing or misspelt; empty if unknown."""
    scheme, _, name = spec.partition(":")
    kind = {".onnx": "onnx", ".yaml": "http", ".yml": "http"}.get(Path(spec).suffix.lower())
    near = get_close_matches(scheme.lower(), SCHEMES, n=1, cutoff=0.7)
    if scheme.lower() == "https" or name.startswith("//"):
        return "Describe the endpoint in a YAML file, with `url: ...`, and write http:FILE.yaml."
    if near and name:
        return f"Did you mean `{near[0]}:{name}`?"
    return f"Did you mean `{kind}:{spec}`?" if kind and scheme not in SCHEMES else ""


def _sealed(scheme: str, load: Callable[[str], Model]) -> Callable[[str, Path | None], Model]:
    """Make a loader of what brings its own weights."""

    def loaded(name: str, weights: Path | None) -> Model:
        _refuse_weights(scheme, weights)
        return load(name)

    return loaded


def _late(module: str) -> Callable[[str], Model]:
    """Leave a module that loads models alone until one is named: what asks over a network takes long to import."""

    def load(name: str) -> Model:
        loaded: Model = importlib.import_module(f"unfooled.models.{module}").load(name)
        return loaded

    return load


SCHEMES: dict[str, Callable[[str, Path | None], Model]] = {
    "hf": _sealed("hf", hugging_face.load),
    "timm": timm_models.load,
    "zoo": _sealed("zoo", zoo_models.load),
    "onnx": _sealed("onnx", _late("onnx_models")),
    "http": _sealed("http", _late("remote.http_endpoint")),
    "exec": _sealed("exec", _late("remote.program")),
}


def _refuse_weights(scheme: str, weights: Path | None) -> None:
    if weights is not None:
        raise InputError(
            f"A model of `{scheme}:` brings its own weights", str(weights), "Leave `weights` out, or use a factory."
        )


def _module_of(model: Model, spec: str) -> nn.Module:
    if isinstance(model, Classifier):
        return model.module
    raise ModelError(
        "Weights can be loaded into torch modules alone",
        f"{type(model).__name__} from {spec}",
        "Load them inside the factory.",
    )


def _from_factory(spec: str) -> Model:
    place, _, name = spec.rpartition(":")
    # As Python does for a script and for `python -m`: the file's own folder, and the current one.
    with _importable(Path(place).parent.resolve() if place.endswith(".py") else Path.cwd(), Path.cwd()):
        module = _imported(place, spec)
        made = getattr(module, name, None)
        if made is None:
            known = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
            raise InputError(f"{place} has no {name!r}", f"{', '.join(known) or 'nothing to call'}", f"Use {FORMS}.")
        # A finished model can be callable too, and must not be taken for its own factory.
        if callable(made) and not isinstance(made, nn.Module) and not is_adapter(made):
            try:
                made = made()
            except UnfooledError:
                raise
            except Exception as error:
                do = "It is called without arguments." if isinstance(error, TypeError) else OWN_FAULT
                raise ModelError("The factory failed", f"{type(error).__name__}: {error} (in {spec})", do) from error
    return wrap(made, name=spec)


def _imported(place: str, spec: str) -> ModuleType:
    try:
        return _imported_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and f"{place}.".startswith(f"{error.name}."):
            do = near_miss(spec) or f"Use {FORMS}."
            raise InputError("No such scheme or Python module", repr(place), do) from error
        if isinstance(error, InputError):
            raise
        raise ModelError(
            "The Python code of the model cannot be imported",
            f"{type(error).__name__}: {error} (in {spec})",
            f"See that `import {Path(place).stem if place.endswith('.py') else place}` works in this environment.",
        ) from error


def _imported_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError("No such file of Python code", str(path), f"Use {FORMS}.")
    # Two files of the same name must not be taken for one another, nor for an installed package.
    name = f"{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None:
        raise InputError("This file cannot be imported", str(path), f"Use {FORMS}.")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module  # dataclasses and pickles look their module up
    try:
        found.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _importable(*folders: Path) -> Iterator[None]:
    added = [str(folder) for folder in folders]
    sys.path[:0] = added
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for folder in added:
            sys.path.remove(folder)
