"""The model card that lies in every trained artefact as ``README.md``."""

from apps.defect_detection.training.collection import Collection
from apps.defect_detection.training.loop import Outcome
from apps.defect_detection.training.recipe import Recipe


def model_card(data: Collection, recipe: Recipe, seed: int, outcome: Outcome, base: str) -> str:
    """What the model is, what it learned from and what it is not for. Markdown."""
    splits = {name: data.of(name) for name in ("train", "val", "test")}
    lines = [
        f"# {recipe.architecture} for {', '.join(data.about.classes[:12])}",
        "",
        "## What it is for",
        "",
        "Finding defects of these kinds in pictures like those it learned from: the same kind of "
        "part, light, lens and distance. It says nothing on other kinds of defects, and a change "
        "of light or lens calls for new pictures and a new evaluation.",
        "",
        "## What it learned from",
        "",
        f"{data.name}; {data.unlabelled} unlabelled pictures were left out, and "
        f"{len(data.problems)} problems cost pictures their labels.",
        "",
        "| Split | Pictures | Boxes | Without any |",
        "|---|---|---|---|",
    ]
    for name, samples in splits.items():
        boxes = sum(len(sample.boxes) for sample in samples)
        empty = sum(not len(sample.boxes) for sample in samples)
        lines.append(f"| {name} | {len(samples)} | {boxes} | {empty} |")
    lines += ["", "| Class | Severity | Boxes to learn from |", "|---|---|---|"]
    for index, name in enumerate(data.about.classes):
        count = sum(int((sample.boxes[:, 0] == index).sum()) for sample in splits["train"])
        lines.append(f"| {name} | {data.about.severity_of(name)} | {count} |")
    lines += [
        "",
        "## How",
        "",
        f"{recipe.architecture} at {recipe.size} pixels, {base}; {outcome.epochs} epochs of batch "
        f"{recipe.batch} by {recipe.optimizer}, seed {seed}; kept is the moving average of epoch "
        f"{outcome.best_epoch}, the best one on the validation split.",
        "",
        "## Figures",
        "",
        "They stand beside the model in Loupe, with their intervals, measured on the validation "
        "and test pictures. The validation pictures also chose the epoch, so figures on them are "
        "a little too good; operating points are certified on parts of their own.",
        "",
    ]
    return "\n".join(lines)
