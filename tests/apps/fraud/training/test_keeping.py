"""Pieces of a ladder outlive a kill; those of other work, and damaged ones, are made anew."""

from pathlib import Path

import numpy as np

from apps.fraud.training.keeping import Keeping, Piece


class Made:
    """Makes pieces and counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> Piece:
        self.count += 1
        return Piece({"test": np.arange(3.0) + self.count}, {"chosen": {"trees": 7.0}})


def test_a_piece_is_made_once_and_comes_back_as_it_was(tmp_path: Path) -> None:
    made = Made()
    for _ in range(3):
        keeping = Keeping(tmp_path / "checkpoint", "same")
        for key in ("a-1", "b-2", "c-3"):
            keeping.piece(key, made)
    assert made.count == 3
    found = Keeping(tmp_path / "checkpoint", "same").piece("b-2", made)
    assert found.arrays["test"].tolist() == [2.0, 3.0, 4.0]
    assert found.figures == {"chosen": {"trees": 7.0}}


def test_pieces_of_other_data_or_another_recipe_are_not_used(tmp_path: Path) -> None:
    made = Made()
    Keeping(tmp_path, "these data").piece("a-1", made)
    assert Keeping(tmp_path, "other data").piece("a-1", made).arrays["test"][0] == 2.0


def test_a_damaged_piece_is_made_anew(tmp_path: Path) -> None:
    made = Made()
    Keeping(tmp_path, "x").piece("a-1", made)
    for file in tmp_path.rglob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:-5])
    Keeping(tmp_path, "x").piece("a-1", made)
    assert made.count == 2


def test_without_a_folder_nothing_is_kept() -> None:
    made = Made()
    for _ in range(2):
        Keeping(None).piece("a-1", made)
    assert made.count == 2
