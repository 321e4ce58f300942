"""Signs as drawn, their renders, and the nets that read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from unfooled.core.errors import InputError, RunError
from unfooled.core.seeds import Draws
from unfooled.models.weights import fingerprint
from unfooled.scenes.roadside import Roadside
from unfooled.zoo.signs.artwork import CLASSES, Style, artwork
from unfooled.zoo.signs.grounds import grounds
from unfooled.zoo.signs.learning import Lessons, accuracy, learned
from unfooled.zoo.signs.nets import NETS, untrained
from unfooled.zoo.signs.renders import face, renders
from unfooled.zoo.signs.weights import place_of, trained

BRIEF = Lessons(steps=2, batch=8, grounds=8)


def test_every_sign_is_another_one_and_lies_on_its_plate() -> None:
    drawn = {name: artwork(name, 48) for name in CLASSES}
    assert len(drawn) >= 17
    assert len({one.tobytes() for one in drawn.values()}) == len(drawn)
    for one in drawn.values():
        assert one.shape == (4, 48, 48)
        assert 0.3 < (one[3] > 127).mean() <= 1
        assert one[3, 24, 24] == 255


def test_a_stop_sign_is_a_red_octagon() -> None:
    red, green, blue, form = artwork("stop", 200).astype(int)
    assert (form > 127).mean() == pytest.approx(2 * (2**0.5 - 1), abs=0.01)
    painted = (red > green + 80) & (red > blue + 80)
    assert 0.45 < painted[form > 127].mean() < 0.85


def test_left_mirrors_right() -> None:
    left, right = artwork("turn left", 64).astype(int), artwork("turn right", 64).astype(int)
    assert np.abs(left[:, :, ::-1] - right).mean() < 8


@pytest.mark.parametrize("face_", [0, 1, 2])
def test_typefaces_and_weights_change_letters_alone(face_: int) -> None:
    usual, other = artwork("stop", 96), artwork("stop", 96, Style(face=face_, bold=0.2))
    assert not np.array_equal(usual, other)
    assert np.array_equal(usual[3], other[3])


def test_renders_hang_on_nothing_but_their_names() -> None:
    x, draws = grounds(6, seed=3), Draws.of(0, "renders")
    views, y = renders(x, draws)
    again, label = renders(x.rows(slice(4, 5)), draws)
    assert views.shape == (6, 3, 32, 32)
    assert torch.equal(again[0], views[4])
    assert label[0] == y[4]
    assert torch.equal(grounds(6, seed=3).values, x.values)
    assert not torch.equal(grounds(6, seed=4).values, x.values)


def test_pieces_of_photographs_stand_behind_signs() -> None:
    photograph = np.full((3, 90, 120), 200, dtype=np.uint8)
    behind = grounds(40, 0, [photograph])
    pieces = (behind.values - 200 / 255).abs().flatten(1).amax(dim=1) < 1e-6
    assert 20 <= int(pieces.sum()) <= 38


@pytest.mark.parametrize("name", NETS)
def test_nets_score_every_sign(name: str) -> None:
    state = torch.random.get_rng_state()
    net = untrained(name).eval()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert net(torch.rand(2, 3, 32, 32)).shape == (2, len(CLASSES))
    assert fingerprint(untrained(name)) == fingerprint(net)


def test_learning_is_repeatable_and_helps() -> None:
    first, again = (fingerprint(learned("signs", BRIEF)) for _ in range(2))
    assert first == again != fingerprint(untrained("signs"))
    taught = learned("signs", Lessons(steps=40, batch=32, grounds=60))
    assert accuracy(taught, 96, Roadside()) > 2.5 / len(CLASSES)


def test_weights_are_made_once_and_known_by_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told: list[str] = []
    net = trained("signs-residual", BRIEF, told.append)
    assert told
    assert fingerprint(trained("signs-residual", BRIEF, pytest.fail)) == fingerprint(net)
    place = place_of("signs-residual", BRIEF)
    assert place.parent.parent == tmp_path
    assert place_of("signs-residual") != place
    content = bytearray(place.read_bytes())
    content[-1] ^= 1
    place.write_bytes(content)
    with pytest.raises(InputError, match="not as they were written"):
        trained("signs-residual", BRIEF)


def test_weights_need_a_folder_and_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="signs-residual"):
        trained("signs-of-life")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(RunError, match="cannot be kept"):
        trained("signs", BRIEF)


def test_faces_have_any_size() -> None:
    assert face("yield", 30).shape == (4, 30, 30)
    assert 0 <= float(face("yield").min()) <= float(face("yield").max()) <= 1
