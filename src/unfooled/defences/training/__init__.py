"""Recipes that train a module to stand."""
