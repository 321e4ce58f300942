"""Hardening: a defence is tried, attacked by those who know of it, and billed."""
