/* The dialog that adds a finding, with the box that was drawn for it where there is one. */
import { sends, values } from "./finding_form.js";
import { lengths } from "./where.js";

/* Answers what opens it with a box. */
export function addDialog(send) {
  const add = document.getElementById("add-form");
  const dialog = document.getElementById("add-dialog");
  const kind = document.getElementById("add-kind");
  const note = document.getElementById("add-place");
  let place = null; // of the box, RAS mm
  if (!add) return () => {};

  function needs() {
    const option = kind.selectedOptions[0];
    add.querySelectorAll("[data-needs]").forEach((field) => { field.hidden = !option.hasAttribute(`data-${field.dataset.needs}`); });
    // Nobody's side is chosen for them; where there are lobes, these say it too.
    document.getElementById("add-side").required = option.hasAttribute("data-sided") && !option.hasAttribute("data-lobed");
  }
  kind.addEventListener("change", needs);
  needs();

  add.addEventListener("submit", (event) => {
    event.preventDefault();
    const option = kind.selectedOptions[0];
    const edit = { verb: "add_finding", ...values(add) };
    for (const [name, field] of [["sided", "side"], ["lobed", "lobes"], ["sized", "size_mm"]]) if (!option.hasAttribute(`data-${name}`)) delete edit[field];
    if (edit.lobes) delete edit.side;
    if (place) edit.drawn = place;
    place = null;
    dialog.close();
    add.reset();
    needs();
    send(edit);
  });
  add.addEventListener("keydown", (event) => sends(event, add));
  dialog.addEventListener("close", () => {
    place = null;
    note.textContent = "";
    note.hidden = true;
  });

  /* A box in RAS mm, as it was drawn: the server puts it onto the grid of the volume. */
  return (spans, size) => {
    place = spans.map((span) => span.map((mm) => Math.round(mm * 100) / 100));
    document.getElementById("add-size").value = String(Math.round(size * 10) / 10);
    note.textContent = lengths([...spans].reverse());
    note.hidden = false;
    dialog.showModal();
  };
}
