"""Defences: what makes a model harder to fool; each is attacked through itself."""
