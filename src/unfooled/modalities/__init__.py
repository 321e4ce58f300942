"""Files and what they hold: carriers, pictures, labelled data on disk. Needs numpy, scipy and pillow, not torch."""
