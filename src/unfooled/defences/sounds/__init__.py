"""Changes of a recording that are to wash a perturbation out before a model hears it."""
