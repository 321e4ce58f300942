"""The door: each fault that would make an audit wrong or fail late is named at once."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unfooled.core.batch import Batch
from unfooled.core.errors import ModelError
from unfooled.core.target import Access, Target
from unfooled.models import Classifier, Preprocess, check_ready, wrap
from unfooled.zoo.small import linear, resnet8, small_cnn, wave_net


def pictures(n: int = 4, c: int = 3, side: int = 32) -> Batch:
    return Batch(torch.rand(n, c, side, side, generator=torch.Generator().manual_seed(1)), torch.arange(n))


class Shaped(nn.Module):
    """Gives scores of a shape or dtype of its own."""

    def __init__(self, shaping: Any) -> None:
        super().__init__()
        self.shaping = shaping

    def forward(self, x: Tensor) -> Any:
        return self.shaping(x.flatten(1)[:, :3])


def refusal(module: nn.Module, x: Batch | None = None, **settings: Any) -> str:
    with pytest.raises(ModelError) as caught:
        check_ready(Classifier(module, **settings), pictures() if x is None else x)
    return str(caught.value)


def test_a_sound_model_gives_its_number_of_classes() -> None:
    assert check_ready(wrap(resnet8()), pictures()) == 10
    assert check_ready(wrap(resnet8()), pictures(1)) == 10


def test_training_mode_names_the_parts_that_tell() -> None:
    said = refusal(resnet8().train())
    assert "1 (BatchNorm2d)" in said
    assert "3.first_norm (BatchNorm2d)" in said
    assert "model.eval()" in said
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(3072, 2)).eval()
    net[1].train()
    assert "found 1 (Dropout)" in refusal(net)


def test_training_mode_without_batch_norm_or_dropout() -> None:
    assert "the whole model (Sequential)" in refusal(small_cnn().train(), pictures(c=1, side=28))


def test_batch_norm_without_running_statistics() -> None:
    net = nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False), nn.Flatten(), nn.Linear(3072, 2)).eval()
    assert "running statistics" in refusal(net)


class Counting(nn.Module):
    """Normalises by running statistics that it goes on updating."""

    def __init__(self) -> None:
        super().__init__()
        self.net = linear(torch.eye(3072)[:3])
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.seen += len(x)
        scores: Tensor = self.net(x)
        return scores


def test_buffers_that_a_forward_pass_changes() -> None:
    assert "changes its own weights or buffers" in refusal(Counting().eval())


@pytest.mark.parametrize(
    ("shaping", "quoted"),
    [
        (lambda s: s[:, 0], "(4,) for 4 examples"),
        (lambda s: s[:, :, None, None], "flatten(1)"),
        (lambda s: s[:, :, None].expand(-1, -1, 5), "pooled over space and time"),
        (lambda s: s[0], "axis of the batch"),
        (lambda s: s[:2], "(2, 3) for 4 examples"),
        (lambda s: s.T, "(3, 4) for 4 examples"),
        (lambda s: s.sum(), "() for 4 examples"),
        (lambda s: s[:, :1], "torch.cat([-s, s], 1)"),
        (lambda s: s.sigmoid()[:, :1], "torch.cat([1 - p, p], 1)"),
        (lambda s: s[:, :0], "fewer than two"),
        (lambda s: s.argmax(dim=1, keepdim=True).expand(-1, 3), "torch.int64"),
        (lambda s: s.index_fill(0, torch.tensor(2), torch.nan), "1 of 4, the first at position 2"),
        (lambda s: s / 0, "NaN or infinity for 4 of 4"),
    ],
)
def test_scores_that_are_none(shaping: Any, quoted: str) -> None:
    assert quoted in refusal(Shaped(shaping).eval())


def test_the_way_to_wrap_a_binary_model_works() -> None:
    def two(s: Tensor) -> Tensor:
        return torch.cat([-s[:, :1], s[:, :1]], 1)

    assert check_ready(wrap(Shaped(two).eval()), pictures()) == 2


def test_wrong_channels_and_sizes() -> None:
    said = refusal(resnet8(), pictures(c=1))
    assert "shape (4, 1, 32, 32)" in said
    assert "RuntimeError" in said
    assert "1 channels" in said
    assert "Preprocess(size=...)" in refusal(small_cnn(), pictures(c=1, side=32))
    assert check_ready(wrap(small_cnn(), Preprocess(size=28)), pictures(c=1, side=32)) == 10


class Bugged(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return {}["head"]  # type: ignore[no-any-return, misc]


def test_a_fault_of_the_models_own_code_is_not_blamed_on_the_data() -> None:
    said = refusal(Bugged().eval())
    assert "KeyError: 'head'" in said
    assert "channels" not in said
    assert "own code" in said
    with pytest.raises(ModelError, match="own code"):
        Target(Classifier(Bugged().eval()), Access.DECISION, 1).answer(pictures(1), torch.arange(1))


def test_weights_in_another_precision() -> None:
    said = refusal(resnet8().double())
    assert "torch.float64" in said
    assert "model.float()" in said


def test_lengths_that_nobody_passes_on() -> None:
    class Strict(nn.Module):
        def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
            return wave_net()(values, lengths)

    x = Batch(torch.rand(2, 40), torch.arange(2), torch.tensor([40, 9]))
    assert "takes_lengths=True" in refusal(Strict().eval(), x)
    assert check_ready(wrap(Strict().eval(), takes_lengths=True), x) == 5


def test_preprocessing_errors_speak_for_themselves() -> None:
    assert "channels first" in refusal(resnet8(), pictures(c=1), preprocess=Preprocess((0.5, 0.5, 0.5), 0.5))


def test_another_device() -> None:
    said = refusal(resnet8().to("meta"))
    assert "data on cpu, 0.weight on meta" in said
    assert "model.to('cpu')" in said


def test_class_names_that_do_not_fit() -> None:
    assert "2 names, 10 scores" in refusal(resnet8(), classes=("cat", "dog"))


def test_randomness_of_the_caller_is_left_alone() -> None:
    class Noisy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1)[:, :2] + torch.randn(len(x), 2)

    before = torch.random.get_rng_state()
    assert check_ready(wrap(Noisy().eval()), pictures()) == 2
    assert torch.equal(torch.random.get_rng_state(), before)
