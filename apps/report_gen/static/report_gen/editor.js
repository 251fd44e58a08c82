/* The report: every edit is sent at once with the revision it was made on, one after the other. */
import { addDialog } from "./add_dialog.js";
import { findingForms, toggleForm } from "./finding_form.js";

const PAUSE_MS = 600;

export function editor(told, changed) {
  const words = told.words;
  const saved = document.getElementById("saved");
  const report = document.getElementById("report");
  const panel = document.getElementById("panel-report");
  const conflict = document.getElementById("conflict");
  const editable = document.getElementById("read").hasAttribute("data-editable");
  const token = document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
  let revision = told.revision;
  let queue = Promise.resolve();
  let stopped = false;
  let waiting = 0; // edits on their way
  const typed = new Map(); // sentence → timer

  function fit() {
    report.querySelectorAll("textarea").forEach((area) => {
      area.style.height = "0";
      area.style.height = `${area.scrollHeight}px`;
    });
  }

  function saving() {
    saved.textContent = words.saving;
    saved.dataset.state = "saving";
  }

  async function post(edit) {
    saving();
    let answer;
    try {
      answer = await fetch(told.edit, { method: "POST", keepalive: true, headers: { "Content-Type": "application/json", "X-CSRFToken": token, Accept: "application/json" }, body: JSON.stringify({ revision, edit }) });
    } catch {
      saved.textContent = words.unsaved;
      saved.dataset.state = "unsaved";
      return;
    }
    const found = await answer.json().catch(() => ({ error: answer.statusText, code: String(answer.status) }));
    if (!answer.ok) { refuse(answer.status, found, edit); return; }
    revision = found.revision;
    document.querySelectorAll("[data-revision-field]").forEach((field) => { field.value = String(revision); });
    document.getElementById("checks").innerHTML = found.checks;
    document.getElementById("panel-differences").innerHTML = found.differences;
    document.getElementById("signing").innerHTML = found.signing;
    const newer = document.getElementById("newer-about");
    if (newer) newer.innerHTML = found.newer;
    if (edit.verb !== "say") swap(found.report);
    changed(found.findings);
    if (waiting > 1 || typed.size) return;
    saved.textContent = words.saved;
    saved.dataset.state = "saved";
  }

  /* The report anew, with the focus where it was. */
  function swap(html) {
    const at = document.activeElement;
    const typing = at instanceof HTMLTextAreaElement ? at.closest(".sentence")?.dataset.sentence : undefined;
    const again = typing === undefined && report.contains(at) ? focused(at) : null;
    report.innerHTML = html;
    fit();
    const wanted = focusNext ?? typing;
    focusNext = null;
    if (wanted === "last") [...report.querySelectorAll(`.part[data-part="${CSS.escape(lastPart)}"] textarea`)].pop()?.focus();
    else if (wanted !== undefined) report.querySelector(`.sentence[data-sentence="${CSS.escape(String(wanted))}"] textarea`)?.focus();
    else again?.()?.focus();
  }

  /* What finds the place of the focus in the new report: the same button, the same finding, or the
     one that stands where it stood. */
  function focused(at) {
    const { id } = at;
    const row = at.closest(".finding");
    if (!row) return () => (id ? document.getElementById(id) : null);
    const number = [...report.querySelectorAll(".finding")].indexOf(row);
    return () => {
      const rows = [...report.querySelectorAll(".finding")];
      const found = rows.find((one) => one.dataset.finding === row.dataset.finding) ?? rows[Math.min(number, rows.length - 1)];
      return found?.querySelector(".finding-go") ?? document.getElementById("add-finding");
    };
  }
  let focusNext = null;
  let lastPart = "";

  function refuse(status, found, edit) {
    conflict.replaceChildren(document.createTextNode(`${found.error} (${found.code})`));
    if (edit.text) {
      const yours = document.createElement("span");
      yours.textContent = words.yours.replace("%text", edit.text);
      conflict.append(document.createElement("br"), yours);
    }
    saved.textContent = "";
    conflict.hidden = false;
    if (status !== 409) return;
    stopped = true;
    const again = document.createElement("button");
    again.type = "button";
    again.className = "btn btn-small";
    again.textContent = words.reload;
    again.addEventListener("click", () => window.location.reload());
    conflict.append(again);
    report.querySelectorAll("textarea").forEach((area) => { area.readOnly = true; });
  }

  function send(edit) {
    if (!editable || stopped) return queue;
    if (edit.verb !== "say") { flush(); conflict.hidden = true; }
    waiting += 1;
    queue = queue.then(() => (stopped ? undefined : post(edit))).finally(() => { waiting -= 1; });
    return queue;
  }

  function say(area) {
    const row = area.closest(".sentence");
    clearTimeout(typed.get(area));
    typed.delete(area);
    if (!row) return;
    if (area.value === area.dataset.was) {
      if (!waiting && !typed.size && saved.dataset.state === "saving") { saved.textContent = ""; saved.dataset.state = "saved"; }
      return;
    }
    area.dataset.was = area.value;
    row.classList.add("touched");
    send({ verb: "say", sentence: Number(row.dataset.sentence), text: area.value });
  }

  function flush() {
    [...typed.keys()].forEach(say);
  }

  report.addEventListener("input", (event) => {
    const area = event.target;
    if (!(area instanceof HTMLTextAreaElement)) return;
    area.style.height = "0";
    area.style.height = `${area.scrollHeight}px`;
    clearTimeout(typed.get(area));
    typed.set(area, setTimeout(() => say(area), PAUSE_MS));
    saving();
  });
  report.addEventListener("focusout", (event) => { if (event.target instanceof HTMLTextAreaElement) say(event.target); });
  window.addEventListener("beforeunload", (event) => { if (typed.size || saved.dataset.state === "unsaved") { flush(); event.preventDefault(); } });
  document.addEventListener("submit", flush);
  window.addEventListener("online", () => { if (saved.dataset.state === "unsaved") report.querySelectorAll("textarea").forEach((area) => { area.dataset.was = "\u0000"; say(area); }); });

  report.addEventListener("keydown", (event) => {
    const area = event.target;
    if (!(area instanceof HTMLTextAreaElement) || event.isComposing) return;
    const row = area.closest(".sentence");
    const number = Number(row.dataset.sentence);
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      focusNext = number + 1;
      send({ verb: "add_sentence", part: row.closest(".part").dataset.part, after: number });
    } else if (event.key === "Backspace" && area.value === "") {
      event.preventDefault();
      focusNext = Math.max(0, number - 1);
      send({ verb: "remove_sentence", sentence: number });
    } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      shift(row, event.key === "ArrowUp" ? -1 : 1);
    }
  });

  function shift(row, by) {
    const part = row.closest(".part");
    const at = [...part.querySelectorAll(".sentence")].indexOf(row);
    const number = Number(row.dataset.sentence);
    if (at + by < 0 || at + by >= part.querySelectorAll(".sentence").length) return;
    focusNext = number + by;
    send({ verb: "move_sentence", sentence: number, part: part.dataset.part, place: at + by });
  }

  panel.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target.closest("button") : null;
    if (!target) return;
    const row = target.closest(".sentence");
    const { act, confirm, change, removeFinding, present, addTo, verb, edit } = target.dataset;
    if (act === "remove") send({ verb: "remove_sentence", sentence: Number(row.dataset.sentence) });
    else if (act === "word") send({ verb: "word_again", sentence: Number(row.dataset.sentence) });
    else if (act) shift(row, act === "up" ? -1 : 1);
    else if (confirm) send({ verb: "confirm", finding: confirm });
    else if (removeFinding) send({ verb: "remove_finding", finding: removeFinding });
    else if (present) send({ verb: "change_finding", finding: present, state: "present" });
    else if (change) toggleForm(target.closest(".finding"));
    else if (target.hasAttribute("data-cancel")) toggleForm(target.closest(".finding"));
    else if (addTo) { focusNext = "last"; lastPart = addTo; send({ verb: "add_sentence", part: addTo }); }
    else if (verb) send({ verb });
    else if (edit) mend(edit, target.closest(".check").dataset);
    else if (target.id === "undo" || target.id === "redo") send(target.id);
  });

  function mend(edit, about) {
    if (edit === "confirm" || edit === "mention") send({ verb: edit, finding: about.finding });
    else send({ verb: edit, sentence: Number(about.sentence) });
  }

  findingForms(report, send);
  const mark = addDialog(send);

  fit();
  /* What was typed before this script was there. */
  report.querySelectorAll("textarea").forEach((area) => { if (area.value !== area.dataset.was) say(area); });
  window.addEventListener("resize", fit);
  return { send, mark, fit, editable };
}
