/* The form under a finding: its state, side, lobes, size and comment, changed together. */

/* What a form says; a side whose lobes were changed follows them. */
export function values(form) {
  const data = new FormData(form);
  const found = {};
  for (const name of ["state", "side", "comment", "kind"]) if (data.has(name)) found[name] = data.get(name);
  if (!found.side) delete found.side;
  if (data.get("size_mm")) found.size_mm = Number(data.get("size_mm"));
  const boxes = [...form.querySelectorAll("input[name=lobes]")];
  if (boxes.some((box) => box.checked !== box.defaultChecked)) found.lobes = data.getAll("lobes");
  return found;
}

/* Opens the form of a finding at a field; false where its kind has no such field. */
export function openForm(row, name) {
  const form = row.querySelector(".finding-form");
  const field = form?.querySelector(`[name=${name}]`);
  if (!field) return false;
  form.hidden = false;
  field.focus();
  return true;
}

export function toggleForm(row) {
  const form = row.querySelector(".finding-form");
  if (form.hidden) { openForm(row, "state"); return; }
  form.reset();
  form.hidden = true;
  row.querySelector(".finding-go").focus();
}

/* Ctrl and Enter send a form from any of its fields, lists of choices too. */
export function sends(event, form) {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat) return;
  event.preventDefault();
  form.requestSubmit();
}

/* `report` holds the forms; one that is sent is an edit. Escape leaves all as it was. */
export function findingForms(report, send) {
  report.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.matches(".finding-form")) return;
    event.preventDefault();
    send({ verb: "change_finding", finding: form.dataset.finding, ...values(form) });
  });
  report.addEventListener("keydown", (event) => {
    const form = event.target instanceof Element ? event.target.closest(".finding-form") : null;
    if (!form) return;
    if (event.key === "Escape") toggleForm(form.closest(".finding"));
    else sends(event, form);
  });
}
