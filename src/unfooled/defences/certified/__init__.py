"""Defences whose answers come with a proof."""
