/* The boxes as a list: for the keyboard, for screen readers, and to find small ones. */

import { colourOf } from "./painter.js";

const FIELDS = ["x1", "y1", "x2", "y2"];

export function createList(root, board) {
  const list = root.querySelector("[data-part=boxes]");
  const ghosts = root.querySelector("[data-part=ghosts]");
  const item = root.querySelector("[data-part=box-item]").content.firstElementChild;
  const ghostItem = root.querySelector("[data-part=ghost-item]").content.firstElementChild;
  const count = root.querySelector("[data-part=count]");
  const nothing = root.querySelector("[data-part=nothing]");
  const rows = new Map();
  const ghostRows = new Map();

  function row(box) {
    const element = item.cloneNode(true);
    element.querySelector("[data-do=choose]").addEventListener("click", (event) => {
      board.choose([box.id], event.shiftKey || event.ctrlKey || event.metaKey);
      board.fly(box.id);
    });
    element.querySelector("[data-do=delete]").addEventListener("click", () => board.remove([box.id]));
    const select = element.querySelector("select");
    for (const name of board.classes) select.append(new Option(name, name));
    select.addEventListener("change", () => board.classify([box.id], select.value));
    for (const field of FIELDS) {
      element.querySelector(`[data-field=${field}]`).addEventListener("change", (event) => {
        board.place(box.id, { [field]: Number(event.target.value) });
      });
    }
    element.addEventListener("mouseenter", () => board.light(box.id));
    element.addEventListener("mouseleave", () => board.light(null));
    element.addEventListener("focusin", () => board.light(box.id));
    return element;
  }

  function ghostRow(ghost) {
    const element = ghostItem.cloneNode(true);
    element.querySelector("[data-text=label]").textContent = ghost.label;
    element.querySelector("[data-text=score]").textContent = ghost.score.toFixed(2);
    swatch(element, ghost.label);
    element.querySelector("[data-do=accept]").addEventListener("click", () => board.accept([ghost.id]));
    element.querySelector("[data-do=look]").addEventListener("click", () => board.fly(ghost.id));
    element.addEventListener("mouseenter", () => board.light(ghost.id));
    element.addEventListener("mouseleave", () => board.light(null));
    return element;
  }

  function swatch(element, label) {
    element.querySelector("[data-part=swatch] rect").setAttribute("fill", colourOf(board.classes, label));
  }

  function show(boxes, selected, waiting) {
    keep(list, rows, boxes, row);
    boxes.forEach((box, index) => {
      const element = rows.get(box.id);
      const chosen = selected.has(box.id);
      element.classList.toggle("chosen", chosen);
      const button = element.querySelector("[data-do=choose]");
      button.setAttribute("aria-pressed", String(chosen));
      element.querySelector("[data-text=number]").textContent = index + 1;
      element.querySelector("[data-text=label]").textContent = box.label;
      element.querySelector("[data-text=size]").textContent =
        `${Math.round(box.x2 - box.x1)} × ${Math.round(box.y2 - box.y1)}`;
      swatch(element, box.label);
      const only = chosen && selected.size === 1;
      element.querySelector("[data-part=exact]").hidden = !only || !board.editable();
      element.querySelector("[data-do=delete]").hidden = !board.editable();
      if (!only) return;
      const select = element.querySelector("select");
      if (![...select.options].some((one) => one.value === box.label)) {
        select.append(new Option(box.label, box.label));
      }
      select.value = box.label;
      for (const field of FIELDS) {
        const input = element.querySelector(`[data-field=${field}]`);
        if (input !== document.activeElement) input.value = box[field];
      }
    });
    keep(ghosts, ghostRows, waiting, ghostRow);
    count.textContent = boxes.length;
    nothing.hidden = boxes.length > 0;
  }

  function light(id) {
    for (const [key, element] of rows) element.classList.toggle("lit", key === id);
    for (const [key, element] of ghostRows) element.classList.toggle("lit", key === id);
  }

  function reveal(id) {
    rows.get(id)?.scrollIntoView({ block: "nearest" });
  }

  return { show, light, reveal };
}

/* Rows stay the same elements while their boxes change, so that focus is never lost. */
function keep(parent, rows, wanted, make) {
  const ids = new Set(wanted.map((one) => one.id));
  for (const [id, element] of rows) {
    if (ids.has(id)) continue;
    const next = element.nextElementSibling ?? element.previousElementSibling;
    if (element.contains(document.activeElement)) next?.querySelector("button")?.focus();
    element.remove();
    rows.delete(id);
  }
  wanted.forEach((one, index) => {
    if (!rows.has(one.id)) rows.set(one.id, make(one));
    const element = rows.get(one.id);
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
  });
}
