"""The right answers, written down before any diagnosis ran: why each planted defence hides what is there."""

WORDS = {
    "rounding": "The scores are piecewise constant: their gradient is zero although larger moves change them.",
    "randomness": "The same question gets different answers: one gradient is that of another net than the one asked.",
    "shattering": "The scores jump where units change places: the gradient holds for no distance.",
    "saturation": "The loss is flat to the last bit of a float, though the scores behind it are not.",
    "probabilities": "The answers are probabilities where scores were asked for: a second softmax flattens the loss.",
    "detachment": "The graph is cut: the scores answer to small moves that their gradient denies.",
    "batch dependence": "An answer hangs on its neighbours in the batch.",
    "adaptation": "The net takes gradient steps of its own while it answers.",
}

CAUSES = {
    "quantisation": "rounding",
    "jpeg": "rounding",
    "resize": "randomness",
    "dropout": "randomness",
    "k-wta": "shattering",
    "temperature": "saturation",
    "softmax": "probabilities",
    "detached": "detachment",
    "staircase": "rounding",
    "batch-norm": "batch dependence",
    "inference-step": "adaptation",
    "sign": "rounding",
    "ensemble": "saturation",
}
