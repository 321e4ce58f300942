"""The report: one self-contained HTML page for the engineer, the security team and the executive. Needs no torch."""

from .page import render, write_report

__all__ = ["render", "write_report"]
