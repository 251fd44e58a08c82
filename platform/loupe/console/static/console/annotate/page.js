/* The annotation page: goes from record to record, hands them to the app's editor, keeps what is
   drawn. The editor's module exports createEditor(root, {classes…}); docs/pages.md lists its calls. */

import { typing } from "../shell.js";
import { createDrafts } from "./drafts.js";
import { createProposals } from "./proposals.js";
import { createSaver } from "./saver.js";
import { createServer } from "./server.js";
import { createView } from "./view.js";
import { words } from "./words.js";

const HERE_MS = 10_000;
const root = document.getElementById("annotate");
const data = JSON.parse(document.getElementById("annotate-data").textContent);
const server = createServer(data.here);
const drafts = createDrafts(data.user, data.dataset);
const view = createView(data);
const { createEditor } = await import(data.module);

let record = data.record;
let theirs = null;
let loading = 0;

const editor = createEditor(root, {
  about: data.about,
  editable: data.editable,
  onChange(labels, source) {
    saver.change(record.id, labels, source, record.revision);
    if (theirs) drafts.put(record.id, { ...drafts.get(record.id), labels });
  },
  onProposals: (shown, offered) => proposals.count(shown, offered),
});
const proposals = createProposals(server, editor, () => record, view);
const saver = createSaver(server, drafts, report, stored);

function report(state, details = {}) {
  view.saved(state, details, drafts.all().length);
  if (state === "conflict" && details.id === record.id) disagree(details.theirs);
  if (state === "refused" && details.id === record.id) view.refuse(details.message);
}

function stored(id, answer) {
  if (id !== record.id) return;
  record = { ...record, ...answer };
  view.show(record);
}

/* Somebody else has stored labels of this record since it was opened here. */
function disagree(now) {
  theirs = now;
  saver.hold(record.id);
  editor.compare(now.labels, now.changes[0]?.who ?? "");
  view.conflict(now.changes[0]?.who || words("somebody"));
}

function settle(choice) {
  if (!theirs) return;
  const now = theirs;
  theirs = null;
  editor.compare(null);
  view.conflict(null);
  record = { ...record, revision: now.revision, changes: now.changes, state: now.state };
  if (choice === "both") editor.merge(now.labels);
  if (choice === "theirs") editor.replace(now.labels, "drawn");
  saver.settle(record.id, editor.value(), now.revision);
  view.show(record);
}

async function open(id, push = true) {
  if (id === null || id === undefined) return;
  const mine = ++loading;
  view.wait(words("preparing"));
  void saver.flush();
  try {
    const found = id === record.id && !push ? record : await server.get(id);
    if (mine !== loading) return;
    await show(found, mine, push);
  } catch (error) {
    if (mine !== loading) return;
    view.wait(null);
    view.refuse(error.message || words("broken"));
  }
}

async function show(found, mine, push) {
  if (push) history.pushState({ id: found.id }, "", server.address(found.id, ""));
  record = found;
  theirs = null;
  view.refuse(null);
  view.conflict(null);
  view.show(record);
  const draft = drafts.get(record.id);
  await editor.open(record.picture, draft ? draft.labels : record.labels);
  if (mine !== loading) return;
  view.wait(null);
  root.dataset.ready = String(record.id);
  if (draft) restore(draft);
  if (!saver.held(record.id)) void saver.flush();
  if (record.ahead) editor.prefetch(record.ahead.picture);
  void here();
  proposals.opened();
}

function restore(draft) {
  if (draft.revision === record.revision) view.tell(words("restored"));
  else disagree(record);
}

/* Says that the record is open here; hears who else has it, and whether they have stored. */
async function here(leaving = false) {
  const id = record.id;
  try {
    const answer = await server.post(id, "here", { leaving }, leaving);
    if (leaving || id !== record.id) return;
    view.others(answer.others);
    if (answer.revision > record.revision && !drafts.get(id) && !editor.busy()) await renew(answer);
  } catch (error) {
    if (!(error instanceof TypeError) && error.status === undefined) throw error;
  }
}

async function renew(answer) {
  const found = await server.get(record.id);
  if (found.id !== record.id || drafts.get(record.id)) return;
  record = found;
  editor.load(found.labels);
  view.show(found);
  view.tell(words("newer", { s: answer.changes[0]?.who || words("somebody") }));
}

async function done() {
  if (!data.editable || !editor.ready || theirs) return;
  if (record.state !== "labelled" && !drafts.get(record.id)) {
    saver.change(record.id, editor.value(), "drawn", record.revision);
  }
  await saver.flush();
  const next = record.ahead?.id ?? record.next;
  if (next === null || next === undefined) view.tell(words("allDone"));
  else {
    if (!record.ahead) view.tell(words("allDone"));
    await open(next);
  }
}

async function skip() {
  if (!data.editable || theirs) return;
  await saver.flush();
  const id = record.id;
  const skipped = record.state !== "skipped";
  try {
    const answer = await server.post(id, "skip", { skipped });
    stored(id, answer);
    if (skipped) await open(answer.ahead?.id ?? answer.next);
  } catch (error) {
    view.refuse(error.message);
  }
}

document.getElementById("done")?.addEventListener("click", () => void done());
document.getElementById("skip")?.addEventListener("click", () => void skip());
for (const button of root.querySelectorAll("[data-go]")) {
  button.addEventListener("click", () => void open(record[button.dataset.go]));
}
for (const button of root.querySelectorAll("[data-settle]")) {
  button.addEventListener("click", () => settle(button.dataset.settle));
}

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]") || typing(event.target)) return;
  const onButton = event.target instanceof Element && event.target.closest("button, a, summary");
  if (onButton && (event.key === "Enter" || event.key === " ")) return;
  if (editor.press(event)) {
    event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const deeds = {
    Enter: () => void done(),
    j: () => void open(record.next),
    k: () => void open(record.previous),
    s: () => void skip(),
    p: () => void proposals.ask(),
    " ": () => {},
  };
  if (!deeds[event.key]) return;
  event.preventDefault();
  if (!event.repeat || event.key === "j" || event.key === "k") deeds[event.key]();
});
window.addEventListener("popstate", (event) => void open(event.state?.id ?? data.record.id, false));
window.addEventListener("pagehide", () => void here(true));
setInterval(() => document.visibilityState === "visible" && void here(), HERE_MS);

history.replaceState({ id: record.id }, "");
view.wait(words("preparing"));
try {
  await show(record, loading, false);
} catch (error) {
  view.wait(null);
  view.refuse(error.message || words("broken"));
}
