"""What the viewer draws and reads off, against the voxels that were sent."""

import gzip
import re
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from scipy import ndimage

from tests.e2e.conftest import Visit
from tests.e2e.test_reader import EXPECTED, FULL, LIST, SLOW, opened, ward
from tests.processes import Site

pytestmark = [pytest.mark.e2e, pytest.mark.serial]
__all__ = ["ward"]

WINDOW = (-1000.0, 500.0)
MAKE = """async ({small, full, masks, window, findings}) => {
    const { Volume } = await import("/static/report_gen/volume.js");
    const canvas = document.createElement("canvas");
    canvas.style.cssText = "position:fixed;inset:0;width:600px;height:600px;z-index:99";
    document.body.append(canvas);
    const volume = new Volume(canvas, findings);
    await volume.start((told) => { window_.told = told; });
    const window_ = globalThis.made = { volume };
    const late = volume.show(full, window).then(() => "", (error) => error.name);
    await volume.show(small, window);
    window_.late = await late;
    await volume.show(full, window);
    if (masks) await volume.overlay(masks);
    volume.nv.opts.crosshairWidth = 0;
    volume.nv.opts.isOrientationTextVisible = false;
}"""
LOOK = """({plane, centre, points}) => {
    const { volume } = globalThis.made, { nv } = volume, { gl } = nv;
    volume.planes(plane);
    volume.goTo(centre);
    const [left, top, wide, high] = nv.screenSlices[0].leftTopWidthHeight;
    nv.drawScene();
    const found = points.map(([u, v]) => {
        const x = Math.floor(left + u * wide), y = Math.floor(top + v * high);
        const colour = new Uint8Array(4);
        gl.readPixels(x, gl.canvas.height - 1 - y, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, colour);
        const at = nv.canvasPos2frac([x + 0.5, y + 0.5]);
        return { colour: [...colour], inside: at[0] >= 0, mm: [...nv.frac2mm(at)].slice(0, 3) };
    }).filter((one) => one.inside);
    return { found, value: globalThis.made.told.values[0].value, late: globalThis.made.late };
}"""


@pytest.fixture
def page(ward: Site, visit: Visit) -> Page:
    """The worklist."""
    window = visit("second")
    window.expected = EXPECTED
    window.page.goto(LIST)
    return window.page


@pytest.fixture
def viewer(page: Page) -> dict[str, Any]:
    """What the page of a study tells its viewer."""
    opened(page, "PAT-0019")
    told: dict[str, Any] = page.evaluate(
        "JSON.parse(document.getElementById('viewer-data').textContent)"
    )
    return told


def sent(page: Page, address: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Voxels [column, row, slice] and the way from mm to them, as nibabel reads what was sent."""
    image = nib.Nifti1Image.from_bytes(gzip.decompress(page.request.get(address).body()))
    return np.asarray(image.dataobj, np.float64), np.linalg.inv(image.affine)


def at(millimetres: NDArray[np.float64], way: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places in voxels, one a column."""
    return way[:3, :3] @ millimetres.T + way[:3, 3:]


def looked(page: Page, viewer: dict[str, Any], plane: str, *, masks: bool) -> dict[str, Any]:
    """Colours at places of a plane through the first finding."""
    first = next(one for one in viewer["findings"] if one["centre"] and one["label"])
    told = {name: viewer[name] for name in ("small", "full", "findings")}
    page.evaluate(MAKE, {**told, "masks": viewer["masks"] if masks else "", "window": WINDOW})
    points = np.random.default_rng(3).uniform(0.02, 0.98, (2500, 2)).tolist()
    asked = {"plane": plane, "centre": first["centre"], "points": points}
    seen: dict[str, Any] = page.evaluate(LOOK, asked)
    return {**seen, "centre": np.array([first["centre"]])}


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_plane_shows_the_hounsfield_units_that_were_sent(
    page: Page, viewer: dict[str, Any], plane: str
) -> None:
    seen = looked(page, viewer, plane, masks=False)
    hu, way = sent(page, viewer["full"])
    places = at(np.array([one["mm"] for one in seen["found"]]), way)
    expected = ndimage.map_coordinates(hu, places, order=1, mode="nearest")
    grey = np.clip((expected - WINDOW[0]) / (WINDOW[1] - WINDOW[0]), 0, 1) * 255
    colours = np.array([one["colour"][:3] for one in seen["found"]])
    assert np.ptp(grey) > 150
    assert np.abs(colours - grey[:, None]).max() <= 1
    voxel = tuple(np.rint(at(seen["centre"], way)[:, 0]).astype(int))
    assert seen["value"] == hu[voxel]
    assert seen["late"] == "AbortError", "a volume that another one replaced has gone on"


def test_masks_are_painted_where_they_are(page: Page, viewer: dict[str, Any]) -> None:
    seen = looked(page, viewer, "axial", masks=True)
    numbers, way = sent(page, viewer["masks"])
    places = np.rint(at(np.array([one["mm"] for one in seen["found"]]), way)).astype(int)
    there = np.clip(places, 0, np.array(numbers.shape)[:, None] - 1)
    known = [one["label"] for one in viewer["findings"] if one["label"]]
    painted = np.isin(numbers[tuple(there)], known)
    colours = np.array([one["colour"][:3] for one in seen["found"]], int)
    assert 8 < painted.sum() < painted.size - 100
    coloured = np.ptp(colours, axis=1) > 2
    assert coloured[painted].mean() >= 0.8
    assert coloured[~painted].mean() <= 0.01


def test_a_volume_that_is_cut_short_is_said_and_its_preview_stays(page: Page) -> None:
    page.route(
        re.compile("volume/full"),
        lambda route: route.fulfill(body=route.fetch().body()[:20_000], status=200),
    )
    page.get_by_role("link", name=re.compile("PAT-0019")).click()
    page.wait_for_selector("#scene[data-state=failed]", timeout=SLOW)
    expect(page.locator("#problem")).to_be_visible()
    assert page.locator(FULL).count() == 0
    page.locator("#volume").focus()
    before = page.locator("#place").inner_text()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#place")).not_to_have_text(before)
