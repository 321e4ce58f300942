"""Models behind a wire: an HTTP endpoint, a program; how inputs are written, answers read and questions counted."""
