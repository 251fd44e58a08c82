"""Chinese pages tell in Chinese what readers and services refuse; REST answers as ever."""

from loupe.datasets.models import Dataset, Import, ImportProblem
from loupe.jobs.models import Item
from tests.host.console.conftest import House

DAMAGED = (
    "part.jpg took more than 60 s to decode and was stopped; it may be damaged or made to keep a "
    "decoder busy."
)


def test_a_failed_files_reason_is_chinese_on_a_chinese_page_and_english_on_an_english_one(
    house: House,
) -> None:
    failed = Item.objects.filter(job=house.job, state="failed").first()
    assert failed is not None
    Item.objects.filter(pk=failed.pk).update(error_code="decode_timeout", error=DAMAGED)
    address = house.url(f"jobs/{house.job.pk}/live")
    chinese = house.client("viewer", **{"Accept-Language": "zh-hans"}).get(address)
    assert "解码 part.jpg 超过 60 秒" in chinese.content.decode()
    assert DAMAGED not in chinese.content.decode()
    assert DAMAGED in house.client("viewer").get(address).content.decode()


def test_what_an_import_found_is_told_in_the_language_of_the_page(house: House) -> None:
    dataset = Dataset.objects.create(
        project=house.project, app="dummy_app", name="boards", about={}
    )
    row = Import.objects.create(dataset=dataset, name="a.zip", state="done", counts={"problems": 1})
    ImportProblem.objects.create(
        imported=row,
        file="a.zip",
        code="decode_crashed",
        reason="a.zip crashed its decoder and was set aside; the file is damaged or hostile.",
        fatal=True,
    )
    address = house.url(f"datasets/{dataset.pk}/imports/{row.pk}/")
    page = house.client("admin", **{"Accept-Language": "zh-hans"}).get(address)
    assert page.status_code == 200
    assert "a.zip 使解码器崩溃，已搁置" in page.content.decode()


def test_a_refusal_page_is_chinese_too(house: House) -> None:
    answer = house.client("stranger", **{"Accept-Language": "zh-hans"}).get(house.url())
    assert answer.status_code == 404
    assert "没有您可见的项目" in answer.content.decode()


def test_a_sentence_nobody_translated_is_shown_as_it_is(house: House) -> None:
    failed = Item.objects.filter(job=house.job, state="failed").first()
    assert failed is not None
    Item.objects.filter(pk=failed.pk).update(error="Nobody knows this one.")
    address = house.url(f"jobs/{house.job.pk}/live")
    page = house.client("viewer", **{"Accept-Language": "zh-hans"}).get(address)
    assert "Nobody knows this one." in page.content.decode()
