"""Defences that hide gradients, built as published and graded F: no harder to fool, only harder to measure."""
