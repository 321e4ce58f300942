"""Adapters: a user's model, its normalisation and its file formats, made into the model that attacks meet."""

from .black_box import BlackBox, most_access
from .classifier import Classifier, wrap
from .load import load_model
from .preprocess import Preprocess
from .ready import check_ready
from .text_models import text_model

__all__ = ["BlackBox", "Classifier", "Preprocess", "check_ready", "load_model", "most_access", "text_model", "wrap"]
