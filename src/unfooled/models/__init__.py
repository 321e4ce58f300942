"""Adapters: a user's model, its normalisation and its file formats, made into the model that attacks meet."""

from .classifier import Classifier, wrap
from .load import load_model
from .preprocess import Preprocess
from .ready import check_ready

__all__ = ["Classifier", "Preprocess", "check_ready", "load_model", "wrap"]
