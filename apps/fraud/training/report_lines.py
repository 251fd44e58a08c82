"""A ladder's report for a terminal: every rung, its seeds and seconds, the network's curve."""

from collections.abc import Mapping
from typing import Any, Final

from apps.fraud.training.plan import ALL_TREES, ENSEMBLE, NETWORK, ORDER, TITLES
from apps.fraud.training.report import FIGURES, HEADS

WIDTH: Final = 30
COLUMN: Final = 24


def lines(said: Mapping[str, Any]) -> list[str]:
    """The report of `apps.fraud.training.report.report`."""
    out = [
        "Test {test_from} to {test_to}, learned from {train_from} to {train_to}, "
        "labels known after {delay:g} days.".format(**said["periods"], delay=said["delay_days"]),
        "",
        heading() + "seconds".rjust(10),
    ]
    for row in said["ladder"]:
        spent = f"{row['seconds']:.1f}" if "seconds" in row else ""
        out.append(
            f"{_title(row['model']):<{WIDTH}}"
            + "".join(cell(row[key], row[f"{key}_interval"]).rjust(COLUMN) for key in FIGURES)
            + spent.rjust(10)
        )
        if "published" in row:
            shown = row["published"]
            out.append(
                f"{'  as published':<{WIDTH}}{'':>{COLUMN}}"
                f"{shown['average_precision']:>{COLUMN}.3f}"
                f"{shown['card_precision']:>{COLUMN}.3f}{shown['auc']:>{COLUMN}.3f}"
            )
    out += ["", *_seeds(said), "", *_curve(said), *_missing(said)]
    over = said["gains"]["over"]
    gain = said["gains"]["models"].get(ENSEMBLE, {}).get("average_precision")
    if gain:
        out.append(
            f"The ensemble's AP over {over}: {cell(gain['value'], [gain['low'], gain['high']])}."
        )
    out.append(f"Of the rungs that can serve, {TITLES[said['serves']][0]} is the best there was.")
    out += [_about_strangers(said), _about_network(said)]
    if said["honest_rows_missing"]:
        out.append(
            f"To certify 0.02 % within ±20 %, {said['honest_rows_missing']:,} more honest rows are "
            "needed in the test."
        )
    out.append(_about_time(said["seconds"]))
    return out


def heading() -> str:
    """Above the rows of models."""
    return f"{'model':<{WIDTH}}" + "".join(f"{HEADS[key]:>{COLUMN}}" for key in FIGURES)


def cell(value: float | None, ends: list[float | None]) -> str:
    """A figure with its interval."""
    if value is None:
        return "–"
    if ends[0] is None or ends[1] is None:
        return f"{value:.4f}"
    return f"{value:.4f} ({ends[0]:.3f} to {ends[1]:.3f})"


def _title(model: str) -> str:
    return TITLES[model][0] if model in TITLES else model


def _seeds(said: Mapping[str, Any]) -> list[str]:
    """Single models: the figures above are those of their mean score."""
    out = [f"{'single models, mean ± spread':<{WIDTH}}{'seeds':>8}"]
    out[0] += "".join(f"{HEADS[key]:>{COLUMN - 2}}" for key in FIGURES)
    for row in said["ladder"]:
        if row.get("models", 1) > 1:
            told = [row[f"{key}_seeds"] for key in FIGURES]
            out.append(
                f"{_title(row['model']):<{WIDTH}}{row['models']:>8}"
                + "".join(f"{one['mean']:.4f} ± {one['spread']:.4f}".rjust(22) for one in told)
            )
    alone = [_title(row["model"]) for row in said["ladder"] if row.get("models") == 1]
    if alone:
        out.append(f"One seed only: {', '.join(alone)}.")
    return out


def _curve(said: Mapping[str, Any]) -> list[str]:
    """How the network learned: each epoch, the best one marked."""
    curve = said["network_curve"]
    if not curve:
        return []
    best = int(said["chosen"][NETWORK]["epochs"])
    out = [f"{'graph network, epoch':<{WIDTH}}{'loss':>10}{'validation AP':>16}{'seconds':>10}"]
    for line in curve:
        epoch = int(line["epoch"])
        mark = "  best" if epoch == best else ""
        out.append(
            f"{epoch:<{WIDTH}}{line['loss']:>10.4f}{line['average_precision']:>16.4f}"
            f"{line['seconds']:>10.1f}{mark}"
        )
    if best == len(curve):
        out.append("The last epoch was the best: more of them (--network-epochs) may come to more.")
    return [*out, ""]


def _missing(said: Mapping[str, Any]) -> list[str]:
    there = {row["model"] for row in said["ladder"]}
    gone = [TITLES[key][0] for key in ORDER if key not in there]
    return [f"Not learned this time: {', '.join(gone)}."] if gone else []


def _about_time(seconds: Mapping[str, float]) -> str:
    rungs = {*ORDER}
    around = ", ".join(
        f"{name.replace('_', ' ')} {spent:g}"
        for name, spent in seconds.items()
        if name not in rungs and name != "all"
    )
    if "all" not in seconds:
        return f"Seconds beside the rungs: {around}."
    return (
        f"Seconds: {seconds['all']:g} in all, the rungs as above; {around}. What was kept from a "
        "run before counts with the time it took then."
    )


def _about_strangers(said: Mapping[str, Any]) -> str:
    cold = said["cold_start"]
    if cold["gain"] is None:
        return (
            f"Payers with fewer than {cold['below']} earlier transactions: {cold['rows']:,} rows "
            f"with {cold['frauds']} frauds are too few to measure the cold start on."
        )
    told = [
        f"{what} {cold[key]['average_precision']:.4f}, gain "
        + cell(gain["value"], [gain["low"], gain["high"]])
        for what, key, gain in (
            ("with priors", "priors", cold["gain_of_priors"]["average_precision"]),
            ("with neighbours' aggregates too", "treated", cold["gain"]["average_precision"]),
        )
    ]
    return (
        f"Payers with fewer than {cold['below']} earlier transactions ({cold['rows']:,} rows, "
        f"{cold['frauds']} frauds): AP {cold['untreated']['average_precision']:.4f} untreated; "
        f"{'; '.join(told)}."
    )


def _about_network(said: Mapping[str, Any]) -> str:
    gain = said["ensemble"]["network_gain_on_validation"]
    if gain is None:
        return "The graph network was left out."
    verdict = (
        f"{_members(said)} in the ensemble"
        if said["ensemble"]["network_kept"]
        else "it does not win for certain, so the ensemble goes without it"
    )
    epochs = said["chosen"][NETWORK]["epochs"]
    return (
        f"The graph network (best after {epochs:.0f} epochs) adds "
        f"{cell(gain['value'], [gain['low'], gain['high']])} AP on the validation: {verdict}."
    )


def _members(said: Mapping[str, Any]) -> str:
    """Which of the rungs that need the network the ensemble has."""
    there = [key for key in (NETWORK, ALL_TREES) if key in said["ensemble"]["weights"]]
    names = " and ".join(TITLES[key][0] for key in there)
    return f"{names} {'stay' if len(there) > 1 else 'stays'}"
