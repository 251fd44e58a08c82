"""What a terminal shows of a ladder: all rungs, their seeds and seconds, the network's curve."""

from typing import Any

from apps.fraud.training.plan import ALL_TREES, ENSEMBLE, NETWORK, ORDER, TITLES
from apps.fraud.training.report import FIGURES
from apps.fraud.training.report_lines import lines


def row(model: str, models: int) -> dict[str, Any]:
    told: dict[str, Any] = {"model": model, "models": models, "seconds": 12.34}
    for key in FIGURES:
        told[key] = 0.7
        told[f"{key}_interval"] = [0.65, 0.75]
        told[f"{key}_seeds"] = {"mean": 0.69, "spread": 0.002}
    return told


def told(rungs: tuple[str, ...], curve: list[dict[str, float]], best: int) -> dict[str, Any]:
    """A report of three seeds, the network with one."""
    models = {NETWORK: 1, ALL_TREES: 1}
    certain = {"value": 0.01, "low": 0.002, "high": 0.02}
    return {
        "ladder": [row(key, models.get(key, 3)) for key in rungs],
        "periods": {"train_from": "a", "train_to": "b", "test_from": "c", "test_to": "d"},
        "delay_days": 7.0,
        "gains": {"over": "xgboost_flat", "models": {ENSEMBLE: {"average_precision": certain}}},
        "serves": "xgboost_flat",
        "cold_start": {"gain": None, "below": 5, "rows": 3, "frauds": 0},
        "ensemble": {
            "weights": {"xgboost_near": 0.5, ALL_TREES: 0.5} if curve else {"xgboost_near": 1.0},
            "network_kept": bool(curve),
            "network_gain_on_validation": certain if curve else None,
        },
        "chosen": {NETWORK: {"epochs": float(best)}},
        "network_curve": curve,
        "honest_rows_missing": 0,
        "seconds": {"features": 11.0, **dict.fromkeys(rungs, 12.3), "all": 120.4},
    }


CURVE = [
    {"epoch": 1.0, "loss": 0.5, "average_precision": 0.61, "seconds": 9.5},
    {"epoch": 2.0, "loss": 0.4, "average_precision": 0.72, "seconds": 19.0},
    {"epoch": 3.0, "loss": 0.3, "average_precision": 0.7, "seconds": 28.5},
]


def test_every_rung_has_its_row_with_interval_and_seconds() -> None:
    out = lines(told(ORDER, CURVE, 2))
    for key in ORDER:
        shown = next(line for line in out if line.startswith(f"{TITLES[key][0]:<30}"))
        assert shown.count("0.7000 (0.650 to 0.750)") == len(FIGURES)
        assert shown.endswith("12.3")
    assert not any(line.startswith("Not learned") for line in out)


def test_seeds_stand_apart_from_the_figures_of_their_mean() -> None:
    out = lines(told(ORDER, CURVE, 2))
    after = out[next(at for at, line in enumerate(out) if line.startswith("single models")) :]
    several = [line for line in after if "0.6900 ± 0.0020" in line]
    assert len(several) == len(ORDER) - 2
    assert all(line.split("±")[0].split()[-2] == "3" for line in several)
    assert f"One seed only: {TITLES[NETWORK][0]}, {TITLES[ALL_TREES][0]}." in after


def test_the_curve_is_told_epoch_by_epoch_with_the_best_marked() -> None:
    out = lines(told(ORDER, CURVE, 2))
    begins = next(at for at, line in enumerate(out) if line.startswith("graph network, epoch"))
    epochs = [line.split() for line in out[begins + 1 : begins + 4]]
    assert [one[:4] for one in epochs] == [
        ["1", "0.5000", "0.6100", "9.5"],
        ["2", "0.4000", "0.7200", "19.0"],
        ["3", "0.3000", "0.7000", "28.5"],
    ]
    assert [one[4:] for one in epochs] == [[], ["best"], []]
    assert not any("may come to more" in line for line in out)
    assert any("may come to more" in line for line in lines(told(ORDER, CURVE, 3)))


def test_rungs_that_were_left_out_are_named() -> None:
    rungs = tuple(key for key in ORDER if key not in (NETWORK, ALL_TREES))
    out = lines(told(rungs, [], 0))
    assert f"Not learned this time: {TITLES[NETWORK][0]}, {TITLES[ALL_TREES][0]}." in out
    assert "The graph network was left out." in out


def test_what_stays_in_the_ensemble_is_named() -> None:
    said = told(ORDER, CURVE, 2)
    assert any(f"{TITLES[ALL_TREES][0]} stays in the ensemble" in line for line in lines(said))


def test_the_sum_of_all_parts_is_told() -> None:
    assert lines(told(ORDER, CURVE, 2))[-1].startswith(
        "Seconds: 120.4 in all, the rungs as above; features 11."
    )
