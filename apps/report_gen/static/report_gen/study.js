/* The study page: what the viewer and the report tell one another, and the keyboard. */
import { typing } from "../console/shell.js";
import { editor } from "./editor.js";
import { findingKeys } from "./finding_keys.js";
import { scene } from "./scene.js";
import { speaker } from "./spoken.js";

const told = JSON.parse(document.getElementById("viewer-data").textContent);
const paper = document.querySelector(".paper");
const spoken = speaker(document.getElementById("spoken"));
let chosen = "";

/* Marks a finding in the report; `fly` brings the viewer to it too. */
function choose(id, fly) {
  chosen = id;
  const finding = told.findings.find((one) => one.id === id);
  document.querySelectorAll(".finding[data-finding]").forEach((row) => {
    row.toggleAttribute("data-chosen", row.dataset.finding === id);
    row.querySelector(".finding-go").setAttribute("aria-current", String(row.dataset.finding === id));
  });
  document.querySelectorAll(".sentence").forEach((row) => row.toggleAttribute("data-chosen", row.dataset.cites.split(" ").includes(id)));
  if (!finding) return;
  const row = document.querySelector(`.finding[data-finding="${CSS.escape(id)}"]`);
  const stood = document.activeElement?.closest(".finding");
  if (row && stood && stood !== row && !typing(document.activeElement)) row.querySelector(".finding-go").focus({ preventScroll: true });
  const sentence = document.querySelector(".part[data-part=findings] .sentence[data-chosen]");
  (fly ? row : sentence ?? row)?.scrollIntoView({ block: "nearest" });
  if (fly) view.choose(finding);
}

const view = scene(told, (label) => {
  const finding = told.findings.find((one) => one.label && one.label === label);
  if (finding && finding.id !== chosen) choose(finding.id, false);
}, spoken);

const edits = editor(told, (findings) => {
  const before = new Set(told.findings.map((one) => one.id));
  told.findings = findings;
  view.findings(findings);
  if (chosen) choose(findings.some((one) => one.id === chosen) ? chosen : "", false);
  keys.changed(before);
});
const keys = findingKeys({ told, edits, tell: view.tell, chosen: () => chosen, choose: (id, fly = true) => choose(id, fly) });

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

/* Standing in a sentence brings the viewer to the first finding it speaks of, standing on a finding to it. */
paper.addEventListener("focusin", (event) => {
  if (!(event.target instanceof Element)) return;
  const sentence = event.target.matches("textarea") ? event.target.closest(".sentence") : null;
  const id = sentence ? sentence.dataset.cites.trim().split(" ")[0] : event.target.closest(".finding-go")?.dataset.go;
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

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && event.target instanceof HTMLTextAreaElement) event.target.blur();
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.target instanceof Element && event.target.closest("[role=tablist]")) return;
  if (view.key(event) || (!event.repeat && act(event))) event.preventDefault();
});

/* The report's keys. */
function act(event) {
  const button = { s: "sign", t: "take-newer" }[event.key];
  if (button) document.getElementById(button)?.click();
  else if (event.key === "u") edits.send("undo");
  else if (event.key === "U") edits.send("redo");
  else return keys.key(event);
  return true;
}

view.onBox((box, size) => edits.mark(box, size));
