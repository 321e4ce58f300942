"""One real recording out of a registry package: ten seconds of read English, known by hash."""

from __future__ import annotations

from pathlib import Path

from unfooled.zoo.pinned import pinned

SHA256 = "e5a26b3d29e5b0bc8dbd72c11d16a3808a4ec0ac45b21f12a27d2a2fe5c5ae61"
_INSTALL = "pip install --no-deps useful-moonshine-onnx==20251121"


def recording() -> Path:
    """Find the recording, WAV of 16 bits and one channel at 16 kHz: "Ever tried, ever failed, no matter, ...".

    Raises:
        MissingExtraError: The package useful-moonshine-onnx is not installed.
        InputError: It is not the recording that is known.
    """
    return pinned("moonshine_onnx", "assets/beckett.wav", SHA256, _INSTALL)
