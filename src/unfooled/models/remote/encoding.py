"""How examples are written for a target."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from unfooled.core.errors import InputError
from unfooled.modalities.pictures import png_bytes

from .settings import Input

_BOUNDARY = "unfooled-7f1d0c5e9a"
_DATATYPES = {"float32": "FP32", "uint8": "UINT8", "int64": "INT64"}


class Body(NamedTuple):
    """What a request carries, and the headers that say so."""

    data: bytes
    headers: dict[str, str]


def laid_out(values: np.ndarray, how: Input) -> np.ndarray:
    """Bring values (r, ...) into the axes, range and type that a target takes."""
    if values.ndim == 4 and how.dtype == "uint8":
        values = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    elif values.ndim == 4:
        values = values * np.float32(how.white)
    return np.ascontiguousarray(values.transpose(0, 2, 3, 1) if values.ndim == 4 and how.layout == "nhwc" else values)


def encoded(values: np.ndarray, how: Input) -> Body:
    """Write examples (r, ...) as the body of one request.

    Raises:
        InputError: They are no pictures, and the target takes pictures.
    """
    match how.form:
        case "base64":
            texts = [base64.b64encode(png).decode() for png in _pngs(values)]
            return _json(_placed(how.field, texts if how.batched else texts[0], how.more))
        case "bytes":
            return Body(_pngs(values)[0], {"Content-Type": "image/png"})
        case "multipart":
            return _multipart(_pngs(values), how)
        case "npy":
            return Body(npy(laid_out(values, how)), {"Content-Type": "application/octet-stream"})
        case "kserve" | "kserve-binary":
            return _kserve(laid_out(values, how), how)
    rows = laid_out(values, how).tolist()
    return _json(_placed(how.field, rows if how.batched else rows[0], how.more))


def npy(values: np.ndarray) -> bytes:
    """Write an array as the bytes of an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def _json(content: object) -> Body:
    return Body(json.dumps(content, allow_nan=False).encode(), {"Content-Type": "application/json"})


def _placed(path: str, content: object, more: dict[str, Any]) -> object:
    """Put content at a path of a JSON body; an empty path makes it the body."""
    if not path:
        return content
    body = json.loads(json.dumps(more))  # a copy that may be written to
    *outer, last = path.split(".")
    place = body
    for name in outer:
        place = place.setdefault(name, {})
    place[last] = content
    return body


def _pngs(values: np.ndarray) -> Sequence[bytes]:
    if values.ndim != 4:
        raise InputError("This target takes pictures", f"examples of shape {values.shape[1:]}", "Choose another form.")
    return [png_bytes(picture) for picture in values]


def _multipart(pngs: Sequence[bytes], how: Input) -> Body:
    lines: list[bytes] = []
    for name, value in how.more.items():
        lines += [f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()]
    for number, png in enumerate(pngs):
        about = f'name="{how.field}"; filename="{number}.png"\r\nContent-Type: image/png'
        lines += [f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {about}\r\n\r\n".encode(), png, b"\r\n"]
    data = b"".join([*lines, f"--{_BOUNDARY}--\r\n".encode()])
    return Body(data, {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"})


def _kserve(values: np.ndarray, how: Input) -> Body:
    tensor: dict[str, Any] = {
        "name": how.field,
        "shape": list(values.shape),
        "datatype": _DATATYPES[str(values.dtype)],
    }
    if how.form == "kserve":
        return _json({**how.more, "inputs": [{**tensor, "data": values.ravel().tolist()}]})
    raw = values.tobytes()
    header = json.dumps({**how.more, "inputs": [{**tensor, "parameters": {"binary_data_size": len(raw)}}]}).encode()
    told = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(header))}
    return Body(header + raw, told)
