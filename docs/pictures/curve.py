"""Draw `curve.svg`: how fast a real network falls as each pixel may change a little more, with noise as the control.

Run it with `.venv/bin/python docs/pictures/curve.py` after `make demo`: some minutes.
"""

from pathlib import Path

from matplotlib.figure import Figure

import unfooled
from unfooled.zoo.photos import photos

RADII = (1, 2, 4, 8)
INK, QUIET, ALARM = "#1f2328", "#5c6370", "#b5371c"


def main() -> None:
    """Audit EfficientNet-Lite0 on its twenty photographs twice and draw both curves."""
    album = photos()
    data = (list(album.pictures), album.labels)
    model = unfooled.load_model("zoo:efficientnet-lite0")
    threat = "linf:" + ",".join(f"{radius}/255" for radius in RADII)
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots()
    for suite, label, colour in (("noise", "random noise", QUIET), ("standard", "an attacker", ALARM)):
        results = unfooled.audit(model, data, threat, suite, batch=4, keep="none")
        rows = [results[f"linf:{radius}/255"] for radius in RADII]
        shares = [rows[0].clean_accuracy, *(row.robust_accuracy for row in rows)]
        axes.plot((0, *RADII), [100 * share for share in shares], marker="o", color=colour, linewidth=2)
        axes.annotate(label, (RADII[1], 100 * shares[2]), (0, 9), textcoords="offset points", color=colour)
    axes.set(xlabel="largest change of a pixel, in 255ths", ylabel="photographs still read rightly, %", ylim=(-4, 104))
    axes.set_xticks((0, *RADII))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)
    figure.savefig(Path(__file__).with_name("curve.svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
