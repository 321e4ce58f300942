"""unfooled: find out what fools your model, fix it, prove it."""

__version__ = "0.1.0"
