"""Small models and data for the demo, the tests and the studio; real ones come from registry packages, by hash."""
