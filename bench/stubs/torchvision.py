"""Stands in for torchvision, which peers import and do not use in what is compared here."""

models = None
