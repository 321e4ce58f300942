import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fuzz import TEN_THOUSAND, THOUSAND, damaged, noise, outcome
from hypothesis import given
from PIL import Image

from unfooled.core.errors import InputError
from unfooled.modalities.archives import read_archive
from unfooled.modalities.carriers import Float32, Png
from unfooled.modalities.labels import label_array
from unfooled.modalities.sources import open_source
from unfooled.modalities.tables import Row, read_table


def picture(path: Path, shade: int = 0, mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (4, 3), shade if mode != "RGB" else (shade, 0, 0)).save(path)
    return path


def folder(root: Path, *names: str) -> Path:
    for shade, name in enumerate(names):
        picture(root / name, shade)
    return root


def table(root: Path, text: str, *names: str) -> Path:
    root.mkdir(exist_ok=True)
    folder(root, *names)
    (root / "data.csv").write_text(text, encoding="utf-8")
    return root / "data.csv"


def archive(root: Path, **arrays: np.ndarray) -> Path:
    np.savez(root / "data.npz", **arrays)
    return root / "data.npz"


def labelled(source) -> dict[str, int]:
    return dict(zip(source.names, source.labels.tolist(), strict=True))


# folders


def test_folders_are_numbered_as_imagefolder_does_and_the_user_is_told(tmp_path):
    source = open_source(folder(tmp_path, "zebra/1.png", "ant/b.png", "ant/a.png", "Zoo/deep/er/1.png"))
    assert source.names == ["Zoo/deep/er/1.png", "ant/a.png", "ant/b.png", "zebra/1.png"]
    assert source.labels.tolist() == [0, 1, 1, 2]
    assert source.labels.dtype == np.int64
    assert len(source) == 4
    assert "alphabetical order were numbered 0 to 2" in source.notes[0]
    assert source.carrier == Png(8)
    np.testing.assert_array_equal(source.load(1)[:, 0, 0], [2, 0, 0])
    assert source.load(0).shape == (3, 3, 4)


def test_folder_names_of_digits_are_class_numbers(tmp_path):
    source = open_source(folder(tmp_path, "10/a.png", "2/a.png", "00007/a.png"))
    assert labelled(source) == {"10/a.png": 10, "2/a.png": 2, "00007/a.png": 7}
    assert "class numbers" in source.notes[0]
    assert open_source(folder(tmp_path / "plain", "0/a.png", "1/a.png")).notes == ()


def test_folder_names_are_looked_up_among_the_classes(tmp_path):
    root = folder(tmp_path, "cat/a.png", "ant/a.png")
    source = open_source(root, classes=["dog", "cat", "ant"])
    assert labelled(source) == {"cat/a.png": 1, "ant/a.png": 2}
    assert source.notes == ()


def test_digits_are_names_where_the_classes_have_them(tmp_path):
    assert labelled(open_source(folder(tmp_path, "7/a.png"), classes=["9", "8", "7"])) == {"7/a.png": 2}


def test_class_numbers_beyond_the_classes_are_refused(tmp_path):
    root = folder(tmp_path, "0/a.png", "2/a.png")
    assert open_source(root, classes=["a", "b", "c"]).labels.tolist() == [0, 2]
    with pytest.raises(InputError, match=r"0 to 1: found class folders \['2'\]"):
        open_source(root, classes=["a", "b"])


def test_unknown_folders_are_listed_with_near_names(tmp_path):
    root = folder(tmp_path, "catt/a.png", "xylophone/a.png", "dog/a.png")
    with pytest.raises(InputError, match=r"found 'catt' \(near 'cat'\), 'xylophone'\. Use"):
        open_source(root, classes=["cat", "dog"])


def test_a_name_of_two_classes_is_refused(tmp_path):
    root = folder(tmp_path, "crane/a.png")
    with pytest.raises(InputError, match="crane"):
        open_source(root, classes=["crane", "maillot", "crane"])


def test_strays_are_skipped_and_counted(tmp_path):
    root = folder(tmp_path, "a/1.png", "b/1.PNG", "loose.png")
    for name in (
        "a/notes.txt",
        "b/LICENSE",
        "a/.DS_Store",
        "b/Thumbs.db",
        "a/.cache/1.png",
        ".git/1.png",
        "__MACOSX/1.png",
    ):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("x")
    source = open_source(root, classes=["a", "b"])
    assert source.names == ["a/1.png", "b/1.PNG"]
    assert source.notes == ("files that are no pictures in a class folder were skipped: 1 .png, 1 .txt, 1 no suffix",)


def test_an_empty_class_folder_keeps_its_number(tmp_path):
    root = folder(tmp_path, "a/1.png", "c/1.png")
    (root / "b").mkdir()
    source = open_source(root)
    assert source.labels.tolist() == [0, 2]
    assert "class folders without pictures: b" in source.notes


def test_a_folder_of_folders_without_pictures_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.txt").write_text("x")
    with pytest.raises(InputError, match="There are no pictures"):
        open_source(tmp_path)


def test_a_folder_without_classes_is_refused(tmp_path):
    picture(tmp_path / "1.png")
    with pytest.raises(InputError, match=r"no class folders.*with 1 files"):
        open_source(tmp_path)


def test_parts_of_a_data_set_are_not_taken_for_classes(tmp_path):
    with pytest.raises(InputError, match="not classes"):
        open_source(folder(tmp_path, "train/cat/1.png", "Test/cat/1.png"))


def test_grey_pictures_among_colour_get_three_channels(tmp_path):
    root = folder(tmp_path, "a/1.png")
    picture(root / "a/2.png", 77, "L")
    source = open_source(root)
    assert source.load(1).shape == (3, 3, 4)
    assert (source.load(1) == 77).all()
    assert any(note.startswith("1 grey pictures") for note in source.notes)


def test_grey_pictures_alone_stay_grey(tmp_path):
    picture(tmp_path / "0/1.png", 77, "L")
    source = open_source(tmp_path)
    assert source.load(0).shape == (1, 3, 4)
    assert source.notes == ()


def test_sixteen_bit_folders(tmp_path):
    picture(tmp_path / "0/1.png", 7_777, "I;16")
    source = open_source(tmp_path)
    assert source.carrier == Png(16)
    assert source.load(0).dtype == np.uint16
    picture(tmp_path / "0/2.png", 1, "L")
    with pytest.raises(InputError, match=r"0/2\.png and 0/1\.png"):
        open_source(tmp_path)


def test_a_picture_that_cannot_be_read_is_named_at_once(tmp_path):
    (folder(tmp_path, "a/1.png") / "a/2.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"2\.jpg"):
        open_source(tmp_path)


def test_pictures_are_loaded_only_when_asked_for(tmp_path, monkeypatch):
    root = folder(tmp_path, "a/1.png", "a/2.png")

    def decode(*_):
        raise AssertionError("decoded")

    with monkeypatch.context() as patched:
        patched.setattr("PIL.ImageFile.ImageFile.load", decode)
        source = open_source(root)
    assert source.load(1)[0, 0, 0] == 1


def test_sources_travel_to_other_processes(tmp_path):
    import pickle

    source = pickle.loads(pickle.dumps(open_source(folder(tmp_path, "a/1.png"))))
    assert source.load(0).shape == (3, 3, 4)


@pytest.mark.parametrize("name", ["none", "none.csv", "a" * 300, "a\0b"])
def test_missing_data(name, tmp_path):
    with pytest.raises(InputError, match=r"no such file|cannot be read"):
        open_source(tmp_path / name)


def test_files_of_other_kinds_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"1\.png"):
        open_source(picture(tmp_path / "1.png"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_that_may_not_be_read(tmp_path):
    path = archive(tmp_path, x=np.zeros((1, 1, 2, 2)), y=np.zeros(1, int))
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be read"):
        open_source(path)


# tables


def test_tables_give_files_and_labels(tmp_path):
    path = table(tmp_path, "file,label\na/1.png,3\nb.png,0\n", "a/1.png", "b.png")
    source = open_source(path)
    assert labelled(source) == {"a/1.png": 3, "b.png": 0}
    assert source.load(1)[0, 0, 0] == 1
    assert source.carrier == Png(8)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffclass,extra,image\r\ncat,,x y.png\r\n\r\ndog,1,b.png\r\n",
        "Filename;Y\n x y.png ;cat\nb.png;dog\n",
        "path\tlabel\nx y.png\tcat\nb.png\tdog",
        'path,label\n"x y.png","cat"\n"b.png",dog\n',
    ],
)
def test_tables_come_in_several_dialects(text, tmp_path):
    source = open_source(table(tmp_path, text, "x y.png", "b.png"), classes=["dog", "cat"])
    assert labelled(source) == {"x y.png": 1, "b.png": 0}


def test_paths_may_be_absolute_or_lead_elsewhere(tmp_path):
    far = picture(tmp_path / "far/1.png", 9)
    path = table(tmp_path / "here", f"file,label\n{far},0\n../far/1.png,1\n")
    assert [open_source(path).load(i)[0, 0, 0] for i in (0, 1)] == [9, 9]


def test_a_missing_file_is_named_with_its_line(tmp_path):
    path = table(tmp_path, "file,label\na.png,0\n\nnone.png,1\n", "a.png")
    with pytest.raises(InputError, match=r"line 4 of .*data\.csv: 'none\.png'"):
        open_source(path)


def test_names_of_tables_are_numbered_in_order_and_the_user_is_told(tmp_path):
    source = open_source(table(tmp_path, "file,label\na.png,dog\na.png,cat\n", "a.png"))
    assert source.labels.tolist() == [1, 0]
    assert "labels in alphabetical order" in source.notes[0]


@pytest.mark.parametrize("label", ["-1", "1.0", "cta", "٣", "9" * 30])
def test_labels_of_no_class_are_refused(label, tmp_path):
    with pytest.raises(InputError, match="no class of the model"):
        open_source(table(tmp_path, f"file,label\na.png,{label}\n", "a.png"), classes=["cat", "dog"])


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "one column named file"),
        (b"a.png,1\n", "one column named file"),
        (b"file,name\n", "one column named label"),
        (b"file,path,label\n", "2 in the header"),
        (b"file,label\n", "no lines"),
        (b"file,label\na.png\n", "line 2"),
        (b"file,label\na.png,1\n,1\n", "line 3"),
        (b"file,label\n\xff\xfe,1\n", "UTF-8"),
        (b"file,label\n" + b"a" * 200_000 + b",1\n", "line 2"),
    ],
)
def test_broken_tables_are_refused(data, match):
    with pytest.raises(InputError, match=match) as caught:
        read_table(data, "t.csv")
    assert "t.csv" in str(caught.value)


TABLES = [
    b"file,label\na.png,3\nb.png,cat\n",
    b"\xef\xbb\xbfpath;y\r\n\"a.png\";1\r\n'b';2\r\n",
    "image\tclass\nä.png\tü\n\n".encode(),
]


@TEN_THOUSAND
@given(noise(TABLES) | damaged(TABLES))
def test_any_table_is_read_or_refused_in_our_words(data):
    rows = outcome(lambda: read_table(data, "t.csv"))
    assert rows is None or (
        rows and all(type(row) is Row and row.line > 1 and row.content and row.label for row in rows)
    )


def test_any_path_in_a_table_is_found_or_refused_in_our_words(tmp_path):
    path = table(tmp_path, "", "a.png")
    for name in (
        "\0",
        "a" * 5_000,
        "..",
        ".",
        "/",
        "~",
        "a.png/",
        "a.png/b",
        "\\\\x",
        "con:",
        "\u202e",
        "https://x/a.png",
    ):
        path.write_text(f"file,label\n{name},1\n", encoding="utf-8")
        assert outcome(lambda: open_source(path)) is None or name == "a.png/"


# archives

PICTURES = np.random.default_rng(0).integers(0, 256, (4, 3, 5, 6), np.uint8)
Y = np.array([0, 2, 1, 2])


@pytest.mark.parametrize(
    ("x", "shape", "carrier"),
    [
        (PICTURES, (3, 5, 6), Png(8)),
        (PICTURES.astype(np.uint16)[:, :1], (1, 5, 6), Png(16)),
        ((PICTURES / 255).astype(np.float32), (3, 5, 6), Float32()),
        (PICTURES / 255, (3, 5, 6), Float32()),
        (np.concatenate([PICTURES, PICTURES], 1), (6, 5, 6), Float32()),
        (np.zeros((4, 99), np.float32), (99,), Float32()),
        (np.zeros((4, 99), np.int64), (99,), Float32()),
    ],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_give_what_they_hold(x, shape, carrier, save, tmp_path):
    save(tmp_path / "data.npz", x=x, y=Y)
    source = open_source(tmp_path / "data.npz")
    assert len(source) == 4
    assert source.labels.tolist() == Y.tolist()
    assert source.carrier == carrier
    assert source.load(3).shape == shape
    assert source.load(3).dtype == x.dtype
    assert source.notes == ()
    assert not source.ragged
    np.testing.assert_array_equal(source.load(3), x[3])


def test_grey_archives_get_a_channel_axis_and_the_user_is_told(tmp_path):
    source = open_source(archive(tmp_path, x=PICTURES[:, 0], y=Y))
    assert source.load(0).shape == (1, 5, 6)
    assert source.carrier == Png(8)
    assert "(n, 1, h, w)" in source.notes[0]


def test_archives_of_the_other_byte_order(tmp_path):
    source = open_source(archive(tmp_path, x=PICTURES.astype(">u2")[:, :1], y=Y.astype(">i4")))
    assert source.carrier == Png(16)
    assert source.load(0).dtype.isnative
    np.testing.assert_array_equal(source.load(2), PICTURES[2, :1])
    assert source.labels.tolist() == Y.tolist()


def test_nothing_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    for arrays in ({"x": np.array([Trap()], object), "y": Y}, {"x": PICTURES, "y": np.array([Trap()], object)}):
        path = archive(tmp_path, **arrays)
        with pytest.raises(InputError, match="without objects"):
            open_source(path)
    path.write_bytes(__import__("pickle").dumps(Trap()))
    with pytest.raises(InputError, match="not a zip file"):
        open_source(path)
    assert not (tmp_path / "sprung").exists()


def test_archives_of_other_names_say_what_they_hold(tmp_path):
    with pytest.raises(InputError, match=r"\['x_test', 'y'\]"):
        open_source(archive(tmp_path, x_test=PICTURES, y=Y))


def test_other_arrays_are_left_alone(tmp_path):
    source = open_source(archive(tmp_path, x=PICTURES, y=Y, names=np.array([{}], object)))
    assert len(source) == 4


def test_an_array_that_claims_to_be_giant_is_refused(tmp_path):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": (1 << 45, 3, 8, 8)})
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as file:
        file.writestr("x.npy", buffer.getvalue() + bytes(100))
    with pytest.raises(InputError, match=r"data\.npz"):
        open_source(tmp_path / "data.npz")


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.6, 0.95])
def test_truncated_archives_are_refused(share, tmp_path):
    path = archive(tmp_path, x=PICTURES, y=Y)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=r"data\.npz"):
        open_source(path)


def test_flipped_bits_are_noticed(tmp_path):
    path = archive(tmp_path, x=PICTURES, y=Y)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="CRC"):
        open_source(path)


@pytest.mark.parametrize(
    ("y", "match"),
    [
        (np.array([0.0, 1, 2, 0]), "type float64"),
        (np.array([True, False, True, False]), "type bool"),
        (np.array(["a", "b", "c", "d"]), "type <U1"),
        (np.array([0, 1, -1, 0]), "label -1 of example 2"),
        (np.array([0, 1, 2**63, 0], np.uint64), "label 9223372036854775808 of example 2"),
        (np.eye(4, dtype=int), "argmax"),
        (np.zeros((4, 1), int), "squeeze"),
        (np.zeros((4, 1, 1), int), r"shape \(4, 1, 1\)"),
        (np.zeros(3, int), "4 examples and 3 labels"),
        (np.array(3), r"shape \(\)"),
    ],
)
def test_labels_that_do_not_fit_are_refused(y, match, tmp_path):
    with pytest.raises(InputError, match=match):
        label_array(y, 4)
    with pytest.raises(InputError, match=match):
        open_source(archive(tmp_path, x=PICTURES, y=y))


def zipped(save=np.savez, **arrays) -> bytes:
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


ARCHIVES = [
    zipped(x=np.zeros((2, 1, 2, 2), np.uint8), y=np.arange(2)),
    zipped(np.savez_compressed, x=np.ones((2, 9), np.float32), y=np.arange(2, dtype=np.int32)),
    zipped(x=np.zeros((1, 2, 2)), y=np.zeros(1, np.uint8), z=np.array(["a"])),
]


@TEN_THOUSAND
@given(noise([data[:size] for data in ARCHIVES for size in (2, 4, 40, 200)]) | damaged(ARCHIVES))
def test_any_archive_is_read_or_refused_in_our_words(data):
    read = outcome(lambda: read_archive(io.BytesIO(data), "a.npz"))
    if read is not None:
        x, y = read
        assert len(x) == len(y)
        assert x.dtype != object
        assert y.dtype == np.int64


@THOUSAND
@given(damaged([np.lib.format.magic(1, 0) + b"\x76\x00{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }"]))
def test_any_array_header_is_read_or_refused_in_our_words(header):
    # damage inside the zip's members: its checksums are sound
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("x.npy", header.ljust(128) + bytes(16))
        file.writestr("y.npy", header.ljust(128) + bytes(16))
    buffer.seek(0)
    outcome(lambda: read_archive(buffer, "a.npz"))
