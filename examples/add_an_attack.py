"""Audit with an attack of your own: any value that keeps the protocol `Attack` will do.

Run it with `python examples/add_an_attack.py`. To ship such an attack, put its file into `src/unfooled/attacks/` and
one line into `ATTACKS`: the contract tests, the command line and the docs pick it up from there.
"""

import torch
from multi_targeted import MultiTargeted

import unfooled
from unfooled.zoo.small import small_cnn

model = small_cnn(seed=0).eval()
x = torch.rand(20, 1, 28, 28, generator=torch.Generator().manual_seed(0))
y = model(x).argmax(dim=1)

results = unfooled.audit(model, (x, y), "linf:0.05", suite=["fgsm", MultiTargeted(targets=3)])

rows = results["linf:0.05"]
print(f"robust accuracy {rows.robust_accuracy:.0%}, 95 % interval {rows.interval.low:.0%} to {rows.interval.high:.0%}")
for stage in results.stages.to_pylist():
    print(f"{stage['attack']}: tried {stage['tried']}, broke {stage['broken']}, {stage['backwards']} backwards")
