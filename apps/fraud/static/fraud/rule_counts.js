/* The list of rules: what each did yesterday arrives after the page, which waits for nothing. */
import { noteOf } from "./counted.js";

const table = document.querySelector("table[data-counts]");
const note = document.getElementById("count-note");

function fill(key, cell, text) {
  const place = table.querySelector(`tr[data-rule="${CSS.escape(key)}"] [data-cell="${cell}"]`);
  if (place) place.textContent = text;
}

async function count() {
  const answer = await fetch(table.dataset.counts, { headers: { Accept: "application/json" } });
  const told = answer.ok ? await answer.json() : { error: answer.statusText, code: answer.status };
  table.querySelectorAll("[data-cell]").forEach((cell) => { cell.textContent = "–"; });
  (told.rows ? told.counts : []).forEach((one) => {
    fill(one.key, "hits", one.hits.toLocaleString());
    fill(one.key, "alone", one.alone.toLocaleString());
    fill(one.key, "shown", one.shown);
    fill(one.key, "known", one.fraud + one.honest ? `${one.fraud.toLocaleString()} / ${one.honest.toLocaleString()}` : "–");
  });
  note.textContent = noteOf(told, table.dataset);
  table.dataset.ready = "yes";
}

if (table) count();
