/* The study page: what the viewer and the report tell one another, and the keyboard. */
import { typing } from "../console/shell.js";
import { editor } from "./editor.js";
import { scene } from "./scene.js";

const told = JSON.parse(document.getElementById("viewer-data").textContent);
const paper = document.querySelector(".paper");
let chosen = "";

/* Marks a finding in the report; `fly` brings the viewer to it too. */
function choose(id, fly) {
  chosen = id;
  const finding = told.findings.find((one) => one.id === id);
  document.querySelectorAll(".finding[data-finding]").forEach((row) => row.toggleAttribute("data-chosen", row.dataset.finding === id));
  document.querySelectorAll(".sentence").forEach((row) => row.toggleAttribute("data-chosen", row.dataset.cites.split(" ").includes(id)));
  if (!finding) return;
  const row = document.querySelector(`.finding[data-finding="${CSS.escape(id)}"]`);
  const sentence = document.querySelector(".part[data-part=findings] .sentence[data-chosen]");
  (fly ? row : sentence ?? row)?.scrollIntoView({ block: "nearest" });
  if (fly) view.choose(finding);
}

const view = scene(told, (label) => {
  const finding = told.findings.find((one) => one.label && one.label === label);
  if (finding && finding.id !== chosen) choose(finding.id, false);
});

const edits = editor(told, (findings) => {
  told.findings = findings;
  view.findings(findings);
  if (chosen) choose(chosen, false);
});

paper.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const go = target?.closest("[data-go]");
  if (go) choose(go.dataset.go, true);
  const check = target?.closest(".check .go")?.closest(".check");
  if (check) showCheck(check);
  const mask = target?.closest("[data-mask]");
  if (mask) mask.setAttribute("aria-pressed", String(view.toggle(Number(mask.dataset.mask))));
  const tab = target?.closest("[role=tab]");
  if (tab) openTab(tab);
});

/* Standing in a sentence brings the viewer to the first finding it speaks of. */
paper.addEventListener("focusin", (event) => {
  const sentence = event.target instanceof Element && event.target.matches("textarea") ? event.target.closest(".sentence") : null;
  const id = sentence?.dataset.cites.trim().split(" ")[0];
  if (id && id !== chosen) choose(id, true);
});
paper.addEventListener("click", (event) => {
  const sentence = event.target instanceof Element && event.target.matches(".sentence p") ? event.target.closest(".sentence") : null;
  const id = sentence?.dataset.cites.trim().split(" ")[0];
  if (id) choose(id, true);
});

function showCheck(check) {
  if (check.dataset.sentence !== undefined) {
    const row = document.querySelector(`.sentence[data-sentence="${CSS.escape(check.dataset.sentence)}"]`);
    row?.scrollIntoView({ block: "center" });
    row?.querySelector("textarea")?.focus();
  } else if (check.dataset.finding) {
    choose(check.dataset.finding, true);
  }
}

function openTab(tab) {
  document.querySelectorAll(".paper-tabs [role=tab]").forEach((one) => {
    const on = one === tab;
    one.setAttribute("aria-selected", String(on));
    document.getElementById(one.getAttribute("aria-controls")).hidden = !on;
  });
  if (tab.id === "tab-report") edits.fit();
}
document.querySelector(".paper-tabs").addEventListener("keydown", (event) => {
  const tabs = [...document.querySelectorAll(".paper-tabs [role=tab]")];
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  next.focus();
  openTab(next);
});

function walk(by) {
  const listed = told.findings;
  if (!listed.length) return;
  const at = listed.findIndex((one) => one.id === chosen);
  choose(listed[(at + by + listed.length) % listed.length].id, true);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && event.target instanceof HTMLTextAreaElement) event.target.blur();
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.target instanceof Element && event.target.closest("[role=tablist]")) return;
  if (view.key(event.key)) { event.preventDefault(); return; }
  if (event.repeat) return;
  if (event.key === "n") walk(1);
  else if (event.key === "p") walk(-1);
  else if (event.key === "y" && chosen) edits.send({ verb: "confirm", finding: chosen });
  else if (event.key === "u") edits.send("undo");
  else if (event.key === "U") edits.send("redo");
  else if (event.key === "s") document.getElementById("sign")?.click();
  else if (event.key === "t") document.getElementById("take-newer")?.click();
  else if (event.key === "b") document.getElementById("tool-box")?.click();
});

view.onBox((box, size) => edits.mark(box, size));
