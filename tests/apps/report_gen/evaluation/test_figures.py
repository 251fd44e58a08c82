"""Figures against counts done by hand, texts against known scores, and turned chests."""

import math
from pathlib import Path

import numpy as np
import pytest

from apps.report_gen.evaluation.labelled import labelled_panel, macro, masked_f1
from apps.report_gen.evaluation.turned import Turn, laterality, turns, write_turned
from apps.report_gen.evaluation.wording import bleu, rouge_l, wording
from apps.report_gen.findings import KEYS
from apps.report_gen.reading.studies import read_study
from apps.report_gen.volume import Volume
from tests.apps.report_gen.bridge.chests import chest

K = len(KEYS)


def _volume() -> Volume:
    volume = chest()
    volume.hu[20:30, 60:80, 40:60] = 60  # one side differs from the other
    return volume


def test_what_nobody_labelled_counts_for_nothing() -> None:
    truth, known, said = (np.zeros((4, K), bool) for _ in range(3))
    known[:, 0] = True
    truth[:2, 0] = said[1:3, 0] = True  # one right, one missed, one wrong
    said[:, 1] = True  # unknown: no harm
    assert masked_f1(said, truth, known)[0] == pytest.approx(0.5)
    assert macro(said, truth, known) == pytest.approx(0.5)
    assert math.isnan(macro(said, truth, np.zeros_like(known)))


def test_uncertain_counts_as_wrong_and_patients_are_drawn_whole() -> None:
    truth, known = np.zeros((6, K), bool), np.zeros((6, K), bool)
    known[:, 0] = True
    truth[::2, 0] = True
    told = np.zeros((6, K), np.int64)
    told[::2, 0] = 1
    told[0, 0] = -1
    panel = labelled_panel(told, np.full((6, K), 0.5), truth, known, ["a", "a", "b", "b", "c", "c"])
    value, low, high = panel["macro_f1"]
    assert value == pytest.approx(0.8)  # two of three found, none wrong
    assert low < value <= high == 1.0
    assert panel["patients"] == 3
    assert panel["findings"]["mass"] == {"known": 0}
    assert panel["controls"]["all_normal"] == 0.0
    assert panel["controls"]["all_positive"] == pytest.approx(2 / 3, abs=1e-4)


def test_bleu_and_rouge_are_those_of_the_papers() -> None:
    # Papineni et al. (2002): "the" seven times against two in the reference: 2 of 7.
    assert bleu(["the the the the the the the"], ["the cat is on the mat"], 1) == pytest.approx(
        2 / 7
    )
    assert bleu(["the cat is on the mat"], ["the cat is on the mat"], 4) == pytest.approx(1)
    # Brevity: exp(1 − 6 / 3) for three words of six, all of them right.
    assert bleu(["the cat is"], ["the cat is on the mat"], 1) == pytest.approx(math.exp(-1))
    # Lin (2004): "police kill the gunman" has "police … the gunman" in common: 3 of 4 and 4.
    assert rouge_l(["police kill the gunman"], ["police killed the gunman"]) == pytest.approx(0.75)
    assert rouge_l(["双肺清晰"], ["双肺清晰"]) == 1.0
    assert next(iter(wording(["a"], ["a"]))) == "warning"


def test_all_sixteen_orientations_and_four_positions_are_tried() -> None:
    every = list(turns())
    assert len({(t.columns, t.rows, t.slices, t.swapped) for t in every}) == 16
    assert {each.position for each in every} == {"HFS", "FFS", "HFP", "FFP"}


def test_a_chest_sent_in_any_way_is_read_as_the_same_volume() -> None:
    assert laterality(_volume()) == {"orientations": 16, "same_volume": 16, "wrong": []}


def test_files_that_lie_otherwise_than_their_vectors_say_are_noticed(tmp_path: Path) -> None:
    volume = _volume()
    turn = Turn(columns=True)
    folder = write_turned(tmp_path / "s", volume, turn)
    read = read_study([folder]).volume
    assert read is not None
    assert np.array_equal(read.hu, volume.hu)
    assert not np.array_equal(read.hu, volume.hu[:, :, ::-1])
