"""The model card that lies in every trained artefact as ``README.md``."""

from collections.abc import Mapping
from typing import Any

from apps.fraud.training.plan import TITLES
from apps.fraud.training.report import FIGURES, HEADS


def model_card(title: str, source: str, said: Mapping[str, Any], features: int) -> str:
    """What the model is, what it learned from, how it compares, and what it is not for. Markdown.

    Args:
        title: of the page.
        source: what the data is, one sentence.
        said: the report of the ladder.
        features: how many the model reads.
    """
    periods, rows = said["periods"], said["rows"]
    lines = [
        f"# {title}",
        "",
        "## What it is for",
        "",
        "Scoring transactions of the same kind, from the same customers, by the features that the "
        "live service makes. It says nothing on other schemes, and where habits or fraud change, "
        "train again and look at the ladder.",
        "",
        "## What it learned from",
        "",
        source,
        "",
        "| Part | From | To | Rows | Frauds |",
        "|---|---|---|---|---|",
        f"| Training | {periods['train_from']} | {periods['train_to']} | {rows['train']['rows']:,} "
        f"| {rows['train']['frauds']:,} |",
        f"| Test | {periods['test_from']} | {periods['test_to']} | {rows['test']['rows']:,} "
        f"| {rows['test']['frauds']:,} |",
        "",
        f"Ends are exclusive; labels are known after {said['delay_days']:g} days, and that "
        f"time lies between both parts. {said['canaries']['features']} features were tried against "
        "leaks with a shuffled future and with labels before their time; none changed.",
        "",
        "## How it compares",
        "",
        f"All rungs learned from the same rows and were measured on the same test, "
        f"{said['seeds']} seeds each; in brackets 95 % intervals. This model is the rung "
        f"“{TITLES[said['serves']][0]}”, {features} features.",
        "",
        "| Model | " + " | ".join(HEADS[key] for key in FIGURES) + " |",
        "|---|" + "---|" * len(FIGURES),
    ]
    for row in said["ladder"]:
        name = TITLES[row["model"]][0] if row["model"] in TITLES else row["model"]
        shown = " | ".join(_cell(row[key], row[f"{key}_interval"]) for key in FIGURES)
        lines.append(f"| {name} | {shown} |")
    lines += ["", _network(said), "", _strangers(said), ""]
    if said["honest_rows_missing"]:
        lines += [
            f"To certify a false-positive rate of 0.02 % within ±20 %, the test lacks "
            f"{said['honest_rows_missing']:,} honest rows.",
            "",
        ]
    return "\n".join(lines)


def _strangers(said: Mapping[str, Any]) -> str:
    cold = said["cold_start"]
    about = f"Payers with fewer than {cold['below']} earlier transactions"
    if cold["gain"] is None:
        return f"{about} have too few frauds in the test ({cold['frauds']}) to be measured alone."
    gain = cold["gain"]["average_precision"]
    return (
        f"{about} ({cold['rows']:,} rows, {cold['frauds']} frauds): average precision "
        f"{cold['treated']['average_precision']:.3f}; priors and neighbours add "
        f"{_cell(gain['value'], [gain['low'], gain['high']])} to the same trees without them."
    )


def _network(said: Mapping[str, Any]) -> str:
    gain = said["ensemble"]["network_gain_on_validation"]
    if gain is None:
        return "The graph network was not trained."
    verdict = "stays in" if said["ensemble"]["network_kept"] else "does not stay in"
    return (
        f"The graph network {verdict} the ensemble: on the validation it adds "
        f"{_cell(gain['value'], [gain['low'], gain['high']])} average precision."
    )


def _cell(value: float | None, ends: list[float | None]) -> str:
    if value is None:
        return "–"
    if ends[0] is None or ends[1] is None:
        return f"{value:.3f}"
    return f"{value:.3f} ({ends[0]:.3f}–{ends[1]:.3f})"
