"""Laws of every defence of recordings: a new one is tested by being listed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from oracles import state_of
from torch import Tensor, nn

import unfooled
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, MissingExtraError
from unfooled.core.transcripts import text_of
from unfooled.defences import SOUNDS, defence_named
from unfooled.defences.chain import read_defence
from unfooled.models.speech import SpeechModel
from unfooled.models.speech_zoo import read_tones
from unfooled.zoo import tones

RATE = 16_000


class Hearer(nn.Module):
    """Recordings (n, t), and maybe their lengths, to scores (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.linspace(-1, 1, 27).view(3, 1, 9))

    def forward(self, values: Tensor, lengths: Tensor | None = None) -> Tensor:
        return nn.functional.conv1d(values[:, None], self.kernel.to(values.dtype)).square().sum(dim=2)


class Same(nn.Module):
    """Gives what it is given."""

    def forward(self, values: Tensor, lengths: Tensor | None = None) -> Tensor:
        return values


def waves(n: int = 3, t: int = 4001) -> Tensor:
    """Tones of different pitch with a little noise, (n, t) in [-1, 1]."""
    time = torch.arange(t) / RATE
    pitch = torch.tensor([[310.0], [520.0], [870.0]])[:n]
    noise = torch.randn(n, t, generator=torch.Generator().manual_seed(1))
    return 0.4 * torch.sin(2 * torch.pi * pitch * time) + 0.01 * noise


def sine(pitch: float, t: int = 4000) -> Tensor:
    return 0.5 * torch.sin(2 * torch.pi * pitch * torch.arange(t) / RATE)[None]


def power(values: Tensor) -> float:
    """Mean square away from the edges."""
    return float(values[:, 1000:-1000].square().mean())


@pytest.fixture(autouse=True)
def soundfile() -> None:
    pytest.importorskip("soundfile")


@pytest.mark.parametrize("name", SOUNDS)
def test_shape_type_and_device_are_kept_and_the_module_is_left_alone(name: str) -> None:
    module, x = Hearer().eval(), waves()
    before = state_of(module)
    defended = SOUNDS[name](module)
    changed = SOUNDS[name](Same())(x)
    assert (changed.shape, changed.dtype, changed.device) == (x.shape, x.dtype, x.device)
    assert defended(x).isfinite().all()
    assert not torch.equal(changed, x)
    assert (changed - x).norm() < 0.7 * x.norm(), "what is heard is still the recording"
    assert not any(part.training for part in defended.modules())
    assert state_of(module) == before
    assert SOUNDS[name](Same())(x.double()).dtype is torch.float64


@pytest.mark.parametrize("name", SOUNDS)
def test_an_answer_hangs_on_no_neighbour_and_on_no_padding(name: str) -> None:
    x, ends = waves(), torch.tensor([4001, 3000, 2500])
    defended = SOUNDS[name](Same())
    alone = [defended(row[None, :end])[0] for row, end in zip(x, ends, strict=True)]
    together = defended(x, ends)
    for row, end, wanted in zip(together, ends, alone, strict=True):
        assert torch.equal(row[:end], wanted)
        assert not row[end:].any()
    assert torch.equal(defended(x.flip(0), ends.flip(0)).flip(0), together)
    assert torch.equal(defended(x, None), defended(x))


@pytest.mark.parametrize("name", SOUNDS)
def test_who_knows_a_defence_sees_its_answers_and_a_gradient(name: str) -> None:
    defended, x = SOUNDS[name](Hearer()), waves().requires_grad_()
    seen = SOUNDS[name].seen(defended)
    scores = seen(x)
    assert torch.equal(scores, defended(x))
    (grad,) = torch.autograd.grad(scores.sum(), x)
    assert (grad.abs().amax(dim=1) > 0).all()
    assert SOUNDS[name].card.kind == "sound"


@pytest.mark.parametrize("name", SOUNDS)
def test_pictures_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="recordings"):
        SOUNDS[name](Same())(torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize("name", ["mp3", "opus"])
def test_a_codec_keeps_the_place_and_loses_more_at_fewer_bits(name: str) -> None:
    x = waves()
    far = [
        float((defence_named(name, kbps=kbps)(Same())(x) - x).norm() / x.norm())
        for kbps in (24 + 24 * (name == "mp3"), 128)
    ]
    assert far[1] < far[0] < 0.5
    assert far[1] < 0.12


def test_a_codec_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(MissingExtraError, match="soundfile"):
        SOUNDS["mp3"](Same())


def test_a_rate_that_a_codec_does_not_know_is_named() -> None:
    with pytest.raises(InputError, match="44101 samples a second"):
        defence_named("opus", rate=44_101)(Same())(waves())


def test_filters_pass_and_stop_what_they_say() -> None:
    for name, kept, lost in (("down-up", 2000, 6000), ("band-pass", 1000, 60), ("band-pass", 4000, 6500)):
        defended = SOUNDS[name](Same())
        assert power(defended(sine(kept))) == pytest.approx(0.125, rel=0.02), name
        assert power(defended(sine(kept)) - sine(kept)) < 1e-4, "without delay"
        assert power(defended(sine(lost))) < 0.125 * 0.01, name


def test_small_filters_are_what_they_say() -> None:
    x = torch.tensor([[0.0, 0.0, 0.9, 0.0, 0.3, 0.6, 0.6]])
    median = defence_named("running-median")(Same())(x)
    assert torch.equal(median, torch.tensor([[0.0, 0.0, 0.0, 0.3, 0.3, 0.6, 0.6]]))
    mean = defence_named("running-mean", width=3)(Same())(x)
    assert torch.allclose(mean, torch.tensor([[0.0, 0.3, 0.3, 0.4, 0.3, 0.5, 0.4]]))
    assert torch.equal(defence_named("quantised", bits=3)(Same())(x), (x * 4).round() / 4)


def test_a_gradient_is_handed_on_past_what_has_none() -> None:
    x = waves().requires_grad_()
    for name in ("mp3", "opus", "quantised"):
        weights = torch.randn(x.shape, generator=torch.Generator().manual_seed(2))
        (grad,) = torch.autograd.grad((SOUNDS[name](Same())(x) * weights).sum(), x)
        assert torch.equal(grad, weights)


@pytest.mark.parametrize("name", ["quantised:bits=6", "running-mean", "opus:rate=8000,kbps=16"])
def test_the_adaptive_attack_beats_the_one_that_does_not_know(name: str) -> None:
    """On a network that reads tones, whose rate is 8,000."""
    bare, wave = read_tones(), tones.spoken("play some music", 1012)
    model = replace(bare, module=read_defence(name).layered(bare.module))
    attack = unfooled.attack_named("carlini-wagner-audio", steps=60)
    threat = "transcribe:go_on snr"
    reached = []
    for climbed in (bare, model):
        found = unfooled.audit(climbed, ([wave], None), threat, [attack], batch=1)
        ((_, values),) = found[threat].adversarial()
        reached.append(heard(model, torch.from_numpy(values.astype("float32") / 32768)) == "go on")
    assert reached == [False, True]


def heard(model: SpeechModel, wave: Tensor) -> str | None:
    answer = model.answer(Batch(wave[None], torch.zeros(1, dtype=torch.int64)))
    return text_of(int(answer.labels[0]))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("mp3:kbps=8", "40 to 160"),
        ("opus:kbps=300", "8 to 256"),
        ("quantised:bits=1", "2 to 15"),
        ("down-up:factor=1", "2 or more"),
        ("running-mean:width=4", "odd"),
        ("band-pass:low=200,high=9000", "half the rate"),
    ],
)
def test_bad_settings_are_named(text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        read_defence(text)


def test_they_chain() -> None:
    x, chain = waves(), read_defence("down-up+quantised:bits=6")
    wanted = defence_named("down-up")(Same())(defence_named("quantised", bits=6)(Same())(x))
    assert torch.equal(chain.layered(Same())(x), wanted)
