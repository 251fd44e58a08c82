/* Findings by the keyboard: walk, add, change, confirm, remove. */
import { openForm } from "./finding_form.js";

const FIELDS = { e: "state", d: "side", l: "lobes", z: "size_mm" };

/* `chosen` is asked each time; `choose` flies to a finding; `tell` shows and speaks a sentence. */
export function findingKeys({ told, edits, tell, chosen, choose }) {
  const { words } = told;
  const row = (id) => document.querySelector(`.finding[data-finding="${CSS.escape(id)}"]`);
  let last = 0; // where the finding stood that was removed last

  /* What a finding's row says, in one line. */
  function name(id) {
    return (row(id)?.querySelector(".finding-go").innerText ?? "").replace(/\s+/g, " ").trim();
  }

  function walk(by) {
    const listed = told.findings;
    if (!listed.length) return;
    const at = listed.findIndex((one) => one.id === chosen());
    if (at >= 0) last = at + by;
    else if (by < 0) last = Math.max(last, 0) - 1;
    last = (Math.max(last, -1) + listed.length) % listed.length;
    const { id } = listed[last];
    choose(id);
    tell(name(id));
  }

  /* The finding in whose row the focus is, or else the one that is chosen. */
  function meant() {
    const id = document.activeElement?.closest(".finding")?.dataset.finding ?? chosen();
    if (id && row(id)) return id;
    tell(words.none_chosen);
    return "";
  }

  async function remove(id) {
    const said = name(id);
    last = told.findings.findIndex((one) => one.id === id);
    await edits.send({ verb: "remove_finding", finding: id });
    if (!row(id)) tell(words.removed.replace("%name", said));
  }

  function change(field) {
    const id = meant();
    if (!id) return;
    if (id !== chosen()) choose(id);
    if (!openForm(row(id), field)) tell(words.no_field);
  }

  /* Findings came or went with an edit: one that came is the one to go on with. */
  function changed(before) {
    const fresh = told.findings.filter((one) => !before.has(one.id));
    if (fresh.length !== 1) return;
    choose(fresh[0].id, false);
    tell(words.added.replace("%name", name(fresh[0].id)));
  }

  /* Whether a key was one of these. */
  function key(event) {
    const { key } = event;
    if (key === "n") walk(1);
    else if (key === "p") walk(-1);
    else if (!edits.editable) return false;
    else if (key === "a") document.getElementById("add-finding").click();
    else if (FIELDS[key]) change(FIELDS[key]);
    else if (key === "y") { const id = meant(); if (id) edits.send({ verb: "confirm", finding: id }); }
    else if (key === "Delete" || key === "Backspace") { const id = meant(); if (id) void remove(id); }
    else return false;
    return true;
  }

  return { key, changed };
}
