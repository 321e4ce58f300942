"""Kinds of sets, goals and attackers in plain words, by the word that names each."""

from __future__ import annotations

FAMILIES = {
    "linf": "change every {site} by at most {size}{scale}",
    "l2": "change {whole} by at most {size} in all (Euclidean length of the change)",
    "l1": "change {whole} by at most {size} in all (sum of the changes of all values)",
    "snr": "add to {whole} what is at least {size} decibels quieter in power",
    "db": "add to {whole} what peaks at {size} decibels beside it",
    "inaudible": "add to {whole} what its own masking threshold, raised by {size} decibels, hides",
    "l0": "change at most {size} {site}s of {whole}, each as much as they like",
    "patch": "repaint one square of {whole}, {size} x {size} {site}s, wherever they like",
    "frame": "repaint {whole} up to {size} {site}s from its border",
    "sticker": "lay one sticker into {whole}, within a disc of {size} of its area",
}
MOVES = {"rotate": "turn {whole} by up to {size} degrees", "shift": "shift {whole} by up to {size} pixels"}
WORDED = {
    "transcribe": "makes it hear \u201c{}\u201d",
    "without": "keeps \u201c{}\u201d out of what it hears",
    "mute": "makes it hear nothing",
    "misheard": "makes it hear something else",
}
EDITS = {
    "chars": "make up to {size} typos in {whole}",
    "invisible": "put up to {size} characters into {whole} that nobody sees",
    "homoglyphs": "replace up to {size} letters of {whole} by others that look alike",
    "words": "replace up to {size} of the words of {whole} by what means the same",
    "listed": "replace up to {size} of the words of {whole} by what a table lists",
    "surface": "write up to {size} words of {whole} another way",
}
MEASURES = {
    "linf": "largest change of one {site}",
    "l2": "Euclidean length of the change",
    "l1": "sum of the changes of all values",
    "l0": "number of {site}s changed",
    "snr": "signal-to-noise ratio",
    "db": "peak of the change beside the recording's",
    "inaudible": "loudness beside the masking threshold",
    "sticker": "share of the picture's area",
    "rotate": "degrees of the turn",
    "shift": "pixels of the shift",
    "rotate,shift": "share of the limits that the motion takes",
    "chars": "number of typos",
    "invisible": "number of injections",
    "homoglyphs": "number of letters replaced",
    "words": "share of the words replaced",
    "listed": "share of the words replaced",
    "surface": "number of words written another way",
}
LOUDNESS = {"snr": -1, "db": 1, "inaudible": 1}
"""Sets whose distance is a share of the recording, and the sign with which it is told in decibels."""
SIGHTS = {
    "gradient": "has a copy of the model",
    "scores": "sees the model's scores but not its inside",
    "decision": "sees the model's answers but nothing else",
}
