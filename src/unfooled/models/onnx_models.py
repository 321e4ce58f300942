"""Networks in ONNX files, asked through ONNX Runtime: scores or labels, and no gradients."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from unfooled.core.errors import InputError, MissingExtraError, ModelError
from unfooled.core.target import Access

from .black_box import BlackBox
from .remote.encoding import laid_out
from .remote.reading import Reader
from .remote.settings import Input, Naming, Network, Output, digest, naming, read_settings

_DTYPES: dict[str, Literal["float32", "uint8"]] = {"tensor(float)": "float32", "tensor(uint8)": "uint8"}
_CHANNELS = (1, 3)
Layout = Literal["nchw", "nhwc"]
_LAYOUTS: dict[str, Layout] = {"nchw": "nchw", "nhwc": "nhwc"}
_RANGES: dict[str, Literal[1, 255]] = {"Normalized_0_1": 1, "NominalRange_0_255": 255, "1": 1, "255": 255}
"""What a white pixel is, by the metadata `Image.NominalPixelRange` or `white`."""


def load(name: str) -> BlackBox:
    """Load an .onnx file, or the YAML file that describes one (`remote.settings.Network`).

    What is not told is read off the file: the layout off the shape of its input, the range and the class names off its
    metadata (`layout`, `white` or `Image.NominalPixelRange`, `classes` or `names`).

    Raises:
        InputError: There is no such file, or its layout must be told.
        MissingExtraError: onnxruntime is not installed.
        ModelError: It cannot be loaded, or has no output that can be read.
    """
    given = Path(name)
    settings = read_settings(Network, given) if given.suffix in (".yaml", ".yml") else Network(path=given.name)
    path = given.parent / settings.path
    if not path.is_file():
        raise InputError("There is no such ONNX file", str(path), "Write onnx:PATH.onnx, or onnx:FILE.yaml.")
    try:
        import onnxruntime  # noqa: PLC0415  an extra
    except ImportError as error:
        raise MissingExtraError("`onnx:` needs onnxruntime", str(error), 'Run: pip install "unfooled[onnx]"') from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises kinds of its own
        raise ModelError(
            "ONNX Runtime cannot load this file", f"{path}: {str(error)[:300]}", "Export it anew."
        ) from error
    metadata = dict(session.get_modelmeta().custom_metadata_map)
    named = naming(settings.classes, given.parent) if settings.classes is not None else _names(metadata)
    output = _output(session, settings.output)
    kind = settings.kind or ("probabilities" if "prob" in output.name.lower() else "as-is")
    access = Access.DECISION if output.type in ("tensor(int64)", "tensor(int32)", "tensor(string)") else Access.SCORES
    network = _Network(
        session, _input(session, settings, metadata), output.name, Reader(Output(kind=kind), named, access)
    )
    seen = hashlib.sha256(path.read_bytes()).hexdigest()
    sha256 = digest(settings.model_copy(update={"path": path.name}), seen, str(network.how), str(named))
    return BlackBox(network.ask, access, f"onnx:{name}", sha256, named.k, named.ours, about={"k": named.k})


@dataclass(frozen=True)
class _Network:
    session: Any
    how: Input
    output: str
    reader: Reader

    def ask(self, values: np.ndarray) -> np.ndarray:
        """Ask about inputs (r, ...); a fixed batch size is kept by repeating the first of them."""
        (taken,) = self.session.get_inputs()
        size = taken.shape[0] if isinstance(taken.shape[0], int) else len(values)
        inputs = laid_out(values, self.how)
        found = []
        for start in range(0, len(inputs), size):
            part = inputs[start : start + size]
            filled = np.concatenate([part, np.repeat(part[:1], size - len(part), axis=0)])
            (answer,) = self.session.run([self.output], {taken.name: filled})
            found.append(self.reader.of_array(_array(answer))[: len(part)])
        return np.concatenate(found)


def _input(session: Any, settings: Network, metadata: Mapping[str, str]) -> Input:
    """Find out how inputs are laid out.

    Raises:
        InputError: The file does not tell, or tells what cannot be given.
    """
    taken = session.get_inputs()
    if len(taken) != 1 or taken[0].type not in _DTYPES:
        found = ", ".join(f"{one.name}: {one.type}" for one in taken)
        raise InputError("The network must take one tensor of float32 or uint8", found, "Export it with one input.")
    white = settings.white or _RANGES.get(metadata.get("white") or metadata.get("Image.NominalPixelRange", "1"), 1)
    layout = settings.layout or _LAYOUTS.get(metadata.get("layout", "").lower()) or _layout(taken[0].shape)
    if layout is None:
        found = f"{taken[0].name} of shape {taken[0].shape}"
        do = "Say `layout: nchw` or `layout: nhwc` in a YAML file with its `path`, and name that: onnx:FILE.yaml."
        raise InputError("The layout of the network's input cannot be told", found, do)
    return Input(layout=layout, dtype=_DTYPES[taken[0].type], white=white)


def _layout(shape: Sequence[int | str | None]) -> Layout | None:
    """Tell the layout by where the channels stand; inputs that are no pictures have none."""
    if len(shape) != 4:
        return "nchw"
    first, last = shape[1] in _CHANNELS, shape[3] in _CHANNELS
    return None if first == last else "nchw" if first else "nhwc"


def _output(session: Any, name: str | None) -> Any:
    """Choose what is read: the output that was named; else scores (n, k), else a list of maps, else labels (n,)."""
    given = session.get_outputs()
    if name is not None:
        given = [one for one in given if one.name == name]
    scores = [one for one in given if one.type in ("tensor(float)", "tensor(double)", "tensor(float16)")]
    flat = [one for one in scores if len(one.shape) == 2]
    labels = [one for one in given if "int" in one.type or one.type == "tensor(string)"]
    chosen = [*flat, *scores, *(one for one in given if one.type.startswith("seq(map(")), *labels]
    if not chosen:
        found = ", ".join(f"{one.name}: {one.type}" for one in session.get_outputs())
        raise ModelError("The network has no such output of scores or labels", found, "Name one under `output`.")
    return chosen[0]


def _array(answer: Any) -> np.ndarray:
    """Bring an output into one array; classifiers of scikit-learn give a map from class to score for each row."""
    if isinstance(answer, list):
        return np.array([[row[name] for name in sorted(row)] for row in answer], dtype=np.float32)
    return np.asarray(answer)


def _names(metadata: Mapping[str, str]) -> Naming:
    """Read class names as exporters write them: a list, or a map from number to name."""
    written = metadata.get("classes") or metadata.get("names")
    if written is None:
        return Naming()
    try:
        found = ast.literal_eval(written)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        found = written.splitlines() if "\n" in written else written.split(",")
    if isinstance(found, dict):
        found = [found[number] for number in sorted(found)]
    return naming([str(name).strip() for name in found], Path()) if isinstance(found, list | tuple) else Naming()
