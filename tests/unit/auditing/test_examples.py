import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, TensorDataset

from unfooled.auditing.examples import check_labels, padded_width, read_examples
from unfooled.core.errors import InputError
from unfooled.modalities.carriers import Float32, Png
from unfooled.modalities.sources import open_source

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (6, 3, 4, 5), np.uint8)
X = torch.from_numpy(BYTES).float() / 255
Y = torch.tensor([0, 1, 2, 0, 1, 2])
FIFTH = (torch.arange(6) == 4).view(6, 1, 1, 1)
WAVES = [RNG.uniform(-1, 1, t).astype(np.float32) for t in (5, 9, 10, 33, 40)]


def folder(root: Path) -> Path:
    for i, (picture, label) in enumerate(zip(BYTES, Y.tolist(), strict=True)):
        (root / str(label)).mkdir(exist_ok=True)
        Image.fromarray(picture.transpose(1, 2, 0)).save(root / str(label) / f"{i}.png")
    return root


# what is kept


def test_tensors_become_examples():
    examples = read_examples((X, Y))
    assert len(examples) == 6
    assert torch.equal(examples.y, Y)
    assert examples.y.dtype == torch.int64
    assert examples.names == [""] * 6
    assert examples.shapes == [(3, 4, 5)] * 6
    assert examples.carrier == Float32()
    assert examples.notes == ()
    batch = examples.batch([4, 0])
    assert torch.equal(batch.values, X[[4, 0]])
    assert torch.equal(batch.ids, examples.ids[[4, 0]])
    assert batch.lengths is None


def test_a_folder_gives_the_same_values_as_its_arrays(tmp_path):
    source = open_source(folder(tmp_path))
    from_disk, from_arrays = read_examples(source), read_examples((BYTES, Y))
    assert from_disk.carrier == from_arrays.carrier == Png(8)
    assert from_disk.names[0] == "0/0.png"
    assert sorted(from_disk.keys) == sorted(from_arrays.keys)
    assert from_disk.fingerprint == from_arrays.fingerprint == read_examples(tmp_path).fingerprint
    i = from_disk.keys.index(from_arrays.keys[4])
    assert torch.equal(from_disk.batch([i]).values[0], X[4])
    np.testing.assert_array_equal(from_disk.stored(i), BYTES[4])


@pytest.mark.parametrize(
    ("x", "carrier"),
    [
        (BYTES, Png(8)),
        (BYTES[:, :1].astype(np.uint16) * 257, Png(16)),
        (np.concatenate([BYTES, BYTES[:, :1]], 1), Float32()),
        (BYTES.astype(np.uint16), Float32()),
        (X.numpy(), Float32()),
        (X.double().numpy(), Float32()),
        (X.half(), Float32()),
        (X.bfloat16(), Float32()),
    ],
)
def test_values_are_those_of_the_carrier(x, carrier):
    examples = read_examples((x, Y))
    assert examples.carrier == carrier
    values = examples.batch(range(6)).values
    assert values.dtype == torch.float32
    unit = {"uint8": 255, "uint16": 65535}.get(str(x.dtype).removeprefix("torch."), 1)
    given = x.float() if isinstance(x, torch.Tensor) else torch.from_numpy(x.astype(np.float32))
    assert torch.equal(values, given / unit)
    for i in range(6):
        np.testing.assert_array_equal(examples.carrier.unpack(examples.stored(i)), values[i].numpy())


def test_another_carrier_rounds_and_says_so():
    x = X.clone()
    x[2, 0, 0, 0] = 0.123
    examples = read_examples((x, Y), carrier=Png(8))
    assert examples.stored(2).dtype == np.uint8
    assert examples.batch([2]).values[0, 0, 0, 0] == pytest.approx(31 / 255)
    assert examples.notes == ("1 examples were rounded to what png8 can hold",)


def test_bytes_may_be_audited_as_floats():
    examples = read_examples((BYTES, Y), carrier=Float32())
    assert examples.stored(0).dtype == np.float32
    assert torch.equal(examples.batch(range(6)).values, X)


@pytest.mark.parametrize("channels", [2, 4])
def test_a_carrier_without_room_is_refused(channels):
    with pytest.raises(InputError, match=rf"1 or 3 channels: found shape \({channels}, 4, 5\) in example 0"):
        read_examples((torch.zeros(2, channels, 4, 5), torch.zeros(2, dtype=torch.int64)), carrier=Png(8))
    with pytest.raises(InputError, match="png16 holds pictures of 1 channels"):
        read_examples((X, Y), carrier=Png(16))
    with pytest.raises(InputError, match="png8"):
        read_examples((torch.zeros(6, 9), Y), carrier=Png(8))


# names made of contents


def test_keys_hang_on_contents_and_label_alone():
    keys = read_examples((X, Y)).keys
    assert all(len(key) == 16 and set(key) <= set("0123456789abcdef") for key in keys)
    assert len(set(keys)) == 6
    order = [3, 1, 5, 0, 2, 4]
    assert read_examples((X[order], Y[order])).keys == [keys[i] for i in order]
    other = X.clone()
    other[1, 0, 0, 0] += 2**-20
    changed = [i for i, (a, b) in enumerate(zip(keys, read_examples((other, Y)).keys, strict=True)) if a != b]
    assert changed == [1]
    relabelled = read_examples((X, torch.where(torch.arange(6) == 4, 0, Y))).keys
    assert [a == b for a, b in zip(keys, relabelled, strict=True)] == [True] * 4 + [False, True]
    assert not set(read_examples((X.reshape(6, 3, 5, 4), Y)).keys) & set(keys)
    assert not set(read_examples((BYTES, Y)).keys) & set(keys)


def test_keys_are_the_same_for_ever():
    x, y = np.arange(12, dtype=np.uint8).reshape(1, 3, 2, 2), np.array([7])
    assert read_examples((x, y)).keys == ["f54c6eedbb4443eb"]


def test_repeats_are_numbered_and_share_their_id():
    x, y = X[[0, 1, 0, 0]], Y[[0, 1, 0, 0]]
    examples = read_examples((x, y))
    first, other = examples.keys[:2]
    assert examples.keys == [first, other, first + "-1", first + "-2"]
    assert examples.ids[0] == examples.ids[2] == examples.ids[3] != examples.ids[1]
    assert examples.ids[0].item() == int(first, 16) >> 1
    assert examples.ids.dtype == torch.int64
    assert (examples.ids >= 0).all()


def test_the_fingerprint_hangs_on_all_and_not_on_order():
    whole = read_examples((X, Y)).fingerprint
    assert len(whole) == 64
    assert read_examples((X.flip(0), Y.flip(0))).fingerprint == whole
    assert read_examples((X[:5], Y[:5])).fingerprint != whole
    assert read_examples((X, Y.flip(0))).fingerprint != whole


def test_subsets_keep_keys():
    examples = read_examples((X[[0, 0, 1, 2]], Y[[0, 0, 1, 2]]))
    part = examples.subset([3, 1])
    assert len(part) == 2
    assert part.keys == [examples.keys[3], examples.keys[1]]
    assert part.y.tolist() == [2, 0]
    assert torch.equal(part.ids, examples.ids[[3, 1]])
    assert torch.equal(part.batch([0, 1]).values, X[[2, 0]])
    assert part.subset([0]).keys == [examples.keys[3]]
    assert torch.equal(part.subset([0]).batch([0]).values, X[[2]])
    assert part.fingerprint != examples.fingerprint
    assert len(examples.subset([])) == 0


@pytest.mark.parametrize("index", [[0, 0], [6], [-1]])
def test_subsets_pick_each_once(index):
    with pytest.raises(InputError, match="0 to 5"):
        read_examples((X, Y)).subset(index)


# shapes and padding


def test_padded_widths_are_powers_of_two_and_three_steps_between():
    ladder = sorted({2**e * k // 4 for e in range(2, 20) for k in (4, 5, 6, 7)} | {1, 2, 3})
    for t in [*range(1, 3_000), 16_000, 100_001]:
        assert padded_width(t) == next(width for width in ladder if width >= t)


def test_lists_of_waveforms_are_padded_by_their_own_length():
    examples = read_examples((WAVES, [0, 1, 0, 1, 0]))
    assert examples.shapes == [(5,), (9,), (10,), (33,), (40,)]
    assert examples.groups([4, 2, 0, 1, 3]) == [[4, 3], [2, 1], [0]]
    batch = examples.batch([3, 4])
    assert batch.values.shape == (2, 40)
    assert batch.lengths.tolist() == [33, 40]
    np.testing.assert_array_equal(batch.values[0, :33].numpy(), WAVES[3])
    assert (batch.values[0, 33:] == 0).all()
    assert batch.valid().sum(1).tolist() == [33, 40]
    np.testing.assert_array_equal(examples.stored(3), WAVES[3])
    alone = read_examples(([WAVES[1]], [1]))
    assert alone.batch([0]).values.shape == (1, 10)
    assert alone.keys == [examples.keys[1]]
    assert torch.equal(examples.subset([1]).batch([0]).values, examples.batch([1]).values)


def test_one_array_is_not_padded():
    examples = read_examples((torch.rand(6, 33), Y))
    batch = examples.batch([0, 5])
    assert batch.values.shape == (2, 33)
    assert batch.lengths.tolist() == [33, 33]


def test_code_points_stay_integers():
    texts = [np.array([ord(c) for c in text]) for text in ("hello", "wörld!", "a😀")]
    examples = read_examples((texts, [0, 1, 0]))
    assert examples.carrier == Float32()
    assert examples.stored(2).dtype == np.int64
    assert examples.groups(range(3)) == [[0], [1], [2]]
    batch = examples.batch([2])
    assert batch.values.dtype == torch.int64
    assert batch.values[0].tolist() == [ord("a"), 0x1F600]
    narrow = read_examples(([np.array([104, 105], np.uint8)], [0]))
    assert narrow.batch([0]).values.tolist() == [[104, 105]]


def test_pictures_of_several_sizes_are_grouped():
    x = [BYTES[0], BYTES[1, :, :2], BYTES[2], BYTES[3, :, :2]]
    examples = read_examples((x, [0, 1, 2, 0]))
    assert examples.carrier == Png(8)
    assert examples.groups([3, 0, 1, 2]) == [[3, 1], [0, 2]]
    assert torch.equal(examples.batch([0, 2]).values, X[[0, 2]])
    assert examples.groups([]) == []
    for index in ([0, 1], []):
        with pytest.raises(InputError, match="A batch has one shape"):
            examples.batch(index)


def test_pictures_that_no_one_png_holds_are_floats():
    examples = read_examples(([BYTES[0], np.concatenate([BYTES[1], BYTES[1, :1]])], [0, 1]))
    assert examples.carrier == Float32()
    assert torch.equal(examples.batch([0]).values, X[:1])


def test_a_batch_does_not_share_memory_with_the_data():
    x = X.clone()
    read_examples((x, Y)).batch([0]).values.zero_()
    assert torch.equal(x, X)


# forms of data


class Pairs(Dataset):
    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return X[i % len(X)], int(Y[i % len(X)])  # never raises IndexError


@pytest.mark.parametrize(
    "data",
    [
        lambda: (X.numpy(), Y.numpy()),
        lambda: (X.double(), Y.int()),
        lambda: (X.clone().requires_grad_(), Y.tolist()),
        lambda: (list(X), list(Y)),
        lambda: [(X[:4], Y[:4]), [X[4:], Y[4:]]],
        lambda: ((X[i : i + 1], Y[i : i + 1]) for i in range(6)),
        lambda: DataLoader(TensorDataset(X, Y), batch_size=4),
        lambda: TensorDataset(X, Y),
        Pairs,
    ],
)
def test_every_form_gives_the_same_examples(data):
    expected = read_examples((X, Y))
    examples = read_examples(data())
    assert examples.keys == expected.keys
    assert torch.equal(examples.y, Y)
    assert torch.equal(examples.batch(range(6)).values, X)


def test_examples_pass_as_they_are():
    examples = read_examples((X, Y))
    assert read_examples(examples) is examples
    assert read_examples(examples, carrier=Float32()) is examples
    with pytest.raises(InputError, match="float32, not png8"):
        read_examples(examples, carrier=Png(8))


def test_a_shuffling_loader_is_read_once():
    torch.manual_seed(0)
    examples = read_examples(DataLoader(TensorDataset(X, Y), batch_size=2, shuffle=True))
    for i in range(6):
        place = next(j for j in range(6) if torch.equal(X[j], examples.batch([i]).values[0]))
        assert examples.y[i] == Y[place]


def test_a_loader_may_use_its_memory_again():
    def batches():
        memory = torch.empty(1, 3, 4, 5)
        for x, y in zip(X, Y, strict=True):
            memory[0] = x
            yield memory, y.view(1)

    assert read_examples(batches()).keys == read_examples((X, Y)).keys


def test_datasets_of_ragged_waveforms_are_padded():
    pairs = [(torch.from_numpy(wave), 0) for wave in WAVES]
    assert read_examples(pairs).groups(range(5)) == [[0], [1, 2], [3, 4]]
    assert read_examples(pairs[3:4]).batch([0]).values.shape == (1, 33)


def test_an_array_is_not_copied_and_files_are_not_held(tmp_path, monkeypatch):
    x = X.numpy()
    assert np.shares_memory(read_examples((x, Y)).source.load(2), x)
    examples = read_examples(folder(tmp_path))
    opened = []
    monkeypatch.setattr("unfooled.modalities.sources.read_picture", lambda path: opened.append(path) or BYTES[0])
    examples.batch([1, 2])
    assert [path.name for path in opened] == ["3.png", "1.png"]


# what is refused at the door


@pytest.mark.parametrize(
    ("x", "match"),
    [
        (X * 255, r"found values from 4 to 248 in example 0\. Divide by 255"),
        ((X - 0.5) / 0.25, "unfooled.Preprocess"),
        (X * 1.001, "overshot"),
        (X.masked_fill(FIFTH, torch.nan), "found 60 NaN or infinite values in example 4"),
        (X.masked_fill(FIFTH, torch.inf), "found 60 NaN or infinite values in example 4"),
        (X.permute(0, 3, 2, 1), r"found shape \(5, 4, 3\) in example 0\. Use x\.permute\(0, 3, 1, 2\)"),
        (BYTES.transpose(0, 3, 2, 1), "permute"),
        (X[:, 0], r"unsqueeze\(1\)"),
        (X[:, :, None], r"shape \(3, 1, 4, 5\)"),
        (torch.zeros(6, 3, 0, 5), "not empty"),
        (torch.zeros(6), r"shape \(\)"),
        (BYTES.astype(np.int64), "int64"),
        (X > 0.5, "bool"),
        (X.to(torch.complex64), "complex64"),
        (torch.rand(6, 50) * 30_000, "Divide 16-bit samples by 32768"),
        (torch.randint(-5, 0, (6, 50)), "code points"),
        (torch.full((6, 5), 0x110000), "1114112"),
        (np.full((6, 3, 2, 2), 1e300), "1e\\+300"),
        (np.full((6, 1, 2, 2), "a"), "<U1"),
        (torch.tensor(1.0), "a single value"),
        ("data", "a str"),
        ([X[0], WAVES[0], *X[:4]], "one kind: found 1-d float32, 3-d float32"),
        ([WAVES[0], np.arange(4)] * 3, "1-d float32, 1-d int64"),
        ([[1, [2]]] * 6, "cannot be made an array"),
    ],
)  # fmt: skip
def test_examples_outside_their_domain_are_refused(x, match):
    with pytest.raises(InputError, match=match):
        read_examples((x, Y))


@pytest.mark.parametrize(
    ("y", "match"),
    [
        (Y.float(), "type float32"),
        (Y[:5], "6 examples and 5 labels"),
        (Y - 1, "label -1 of example 0"),
        (torch.eye(6), "argmax"),
        (Y[:, None], "squeeze"),
        (["cat"] * 6, "type <U3"),
        (7, r"shape \(\)"),
        (None, r"shape \(\)"),
    ],
)
def test_labels_that_do_not_fit_are_refused(y, match):
    with pytest.raises(InputError, match=match):
        read_examples((X, y))


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (X, r"no labels: found one array \(6, 3, 4, 5\)"),
        ([X, Y], r"pairs \(x, y\): found one array \(6, 3, 4, 5\)"),
        ([(X, Y, Y)], "a tuple of 3"),
        ({"x": X, "y": Y}, "a str"),
        ([{"x": X}], "a dict"),
        ([], "empty"),
        (iter(()), "generator can be read only once"),
        ((X[:0], Y[:0]), "empty"),
        (([], []), "empty"),
        ([(X[:0], Y[:0])], "empty"),
        (None, "a NoneType"),
        (3, "a int"),
        ("/nowhere/at/all", "no such file"),
    ],
)
def test_data_of_other_forms_are_refused(data, match):
    with pytest.raises(InputError, match=match):
        read_examples(data)


def test_the_file_that_is_wrong_is_named(tmp_path):
    path = folder(tmp_path) / "1" / "4.png"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"1/4\.png"):
        read_examples(tmp_path)


def test_classes_bound_the_labels():
    assert len(read_examples((X, Y), classes=["a", "b", "c"])) == 6
    with pytest.raises(InputError, match=r"2 classes, 0 to 1: found label 2 of example 2 \(2 such labels\)"):
        read_examples((X, Y), classes=["a", "b"])
    check_labels(Y, 3)
    with pytest.raises(InputError, match="label -1 of example 0"):
        check_labels(Y - 1, 3)


def test_reading_draws_nothing_from_the_callers_randomness():
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    read_examples((X, Y)).batch([0])
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()
    assert before[2] == random.getstate()
