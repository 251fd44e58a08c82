"""Names that are free in a dataset, and the group that a sender's words say."""

from loupe.datasets import grouping
from loupe.datasets.models import Dataset, Record


def group_from_facts(facts: dict[str, str]) -> str:
    """The key that must not be torn apart by a split, from what a sender said: the part where it is
    known, else the lot."""
    for key in ("serial", "part", "board", "lot"):
        if facts.get(key):
            return str(facts[key])[: grouping.LONGEST]
    return ""


def hold(dataset: Dataset) -> None:
    """Let nobody else add to the dataset until the transaction ends, so that a name that is free
    stays free."""
    Dataset.objects.select_for_update(of=("self",)).filter(pk=dataset.pk).values_list("pk").first()


class Names:
    """What a dataset has already, and names that are free in it. `hold` the dataset before."""

    def __init__(self, dataset: Dataset) -> None:
        rows = list(Record.objects.filter(dataset=dataset).values_list("name", "blob_id"))
        self.blobs = {blob for _name, blob in rows}
        self._names = {name for name, _blob in rows}

    def free(self, name: str) -> str:
        """`name`, or one like it that nobody has; it is taken from now on."""
        stem, dot, ending = (
            name.rpartition(".") if "." in name.rpartition("/")[2] else (name, "", "")
        )
        chosen, number = name, 1
        while chosen in self._names:
            number += 1
            mark = f" ({number}){dot}{ending}"
            chosen = f"{stem[: 500 - len(mark)]}{mark}"
        self._names.add(chosen)
        return chosen
