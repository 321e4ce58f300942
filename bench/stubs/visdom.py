"""Stands in for visdom, which peers import and do not use in what is compared here."""
