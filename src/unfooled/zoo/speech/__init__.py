"""Recognisers of speech out of registry packages, rebuilt in torch so that a gradient reaches the waveform."""
