/* The photograph with its boxes: zoom and pan, boxes on one key, one list for keyboard and pointer. */

import { createViewer, show } from "./boxes/stage.js";
import { offerCorrection } from "./correction.js";

const root = document.getElementById("viewer");
if (root) start(root, JSON.parse(document.getElementById("viewer-data").textContent));

function start(root, { result, operating_point: point }) {
  const list = [...document.querySelectorAll("#viewer-list [data-box]")];
  const floor = document.getElementById("floor");
  const shown = document.getElementById("floor-shown");
  const marks = result.boxes.map((box) => mark(box, result.image));
  const viewer = createViewer(document.getElementById("viewer-canvas"));

  viewer.addHandler("open", () => {
    /* A preview may be smaller than the image that was inspected; boxes are in its pixels. */
    const scale = viewer.world.getItemAt(0).getContentSize().x / result.image.width;
    marks.forEach((element, index) => {
      const box = result.boxes[index];
      const location = viewer.viewport.imageToViewportRectangle(
        box.x1 * scale,
        box.y1 * scale,
        (box.x2 - box.x1) * scale,
        (box.y2 - box.y1) * scale,
      );
      viewer.addOverlay({ element, location });
      new window.OpenSeadragon.MouseTracker({
        element,
        clickHandler: () => light(index),
        enterHandler: () => light(index),
        leaveHandler: () => light(-1),
      });
    });
    root.dataset.ready = "yes";
    sift();
  });
  show(viewer, { kind: root.dataset.kind, url: root.dataset.picture }).catch(() => {
    const problem = document.getElementById("viewer-problem");
    problem.textContent = root.dataset.broken;
    problem.hidden = false;
  });
  const correction = offerCorrection(root, viewer, result.image);

  function light(index) {
    marks.forEach((element, other) => element.classList.toggle("lit", other === index));
    list.forEach((item) => item.classList.toggle("lit", Number(item.dataset.box) === index));
  }

  function fly(index) {
    const box = marks[index];
    light(index);
    const at = viewer.getOverlayById(box);
    if (!at) return;
    const around = at.getBounds(viewer.viewport);
    const margin = Math.max(around.width, around.height) * 2;
    viewer.viewport.fitBounds(
      new window.OpenSeadragon.Rect(
        around.x - margin / 2,
        around.y - margin / 2,
        around.width + margin,
        around.height + margin,
      ),
    );
  }

  function sift() {
    const from = Number(floor.value);
    shown.textContent = from.toFixed(2);
    result.boxes.forEach((box, index) => {
      const under = box.score < from;
      marks[index].hidden = under;
      marks[index].classList.toggle("gone", under);
      list[index].classList.toggle("under", under);
    });
  }

  function boxes() {
    const off = root.classList.toggle("boxes-off");
    document.getElementById("tool-boxes").setAttribute("aria-pressed", String(!off));
  }

  floor.value = String(point?.review_from ?? 0);
  floor.addEventListener("input", sift);
  list.forEach((item) => {
    const index = Number(item.dataset.box);
    item.addEventListener("mouseenter", () => light(index));
    item.addEventListener("mouseleave", () => light(-1));
    item.querySelector("button").addEventListener("focus", () => light(index));
    item.querySelector("button").addEventListener("click", () => fly(index));
  });
  document.getElementById("tool-boxes").addEventListener("click", boxes);
  document.getElementById("tool-in").addEventListener("click", () => zoom(1.5));
  document.getElementById("tool-out").addEventListener("click", () => zoom(1 / 1.5));
  document.getElementById("tool-fit").addEventListener("click", () => viewer.viewport.goHome());

  function zoom(by) {
    viewer.viewport.zoomBy(by);
    viewer.viewport.applyConstraints();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    if (event.key === "e") correction?.begin();
    if (event.key === "b") boxes();
    if (event.key === "f") viewer.viewport.goHome();
    if (event.key === "+" || event.key === "=") zoom(1.5);
    if (event.key === "-") zoom(1 / 1.5);
  });
  sift();
}

function mark(box, image) {
  const element = document.createElement("div");
  element.className = `box severity-${box.severity}`;
  if (box.y1 < image.height * 0.04) element.classList.add("top");
  if (box.x2 > image.width * 0.8) element.classList.add("end");
  const name = document.createElement("span");
  name.className = "box-name";
  name.textContent = `${box.label} ${box.score.toFixed(2)}`;
  element.append(name);
  return element;
}
