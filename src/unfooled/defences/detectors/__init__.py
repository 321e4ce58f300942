"""Detectors: modules that answer with one class more, for what they reject."""
