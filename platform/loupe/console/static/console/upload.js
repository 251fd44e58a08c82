/* The drop zone: files, folders and archives, with progress file by file. Large files go ahead part
   by part and can be paused; the others travel in the one request that starts the job. */
import { Parts, Stopped } from "./parts.js";

const form = document.getElementById("upload");
const words = document.getElementById("upload-words")?.dataset;
const find = (id) => document.getElementById(id);
const SHOWN = 200;

let chosen = []; // {file, path, sent: bytes, id: of an upload in parts}
let request = null;
let going = null; // the file that goes part by part just now
let paused = false;

const size = (bytes) => {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  while (bytes >= 1000 && step < units.length - 1) {
    bytes /= 1000;
    step += 1;
  }
  return `${bytes >= 10 || step === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[step]}`;
};

const duration = (seconds) =>
  seconds < 60 ? `${Math.ceil(seconds)} s` : `${Math.floor(seconds / 60)} min`;

const total = () => chosen.reduce((sum, one) => sum + one.file.size, 0);

function draw(states = () => words.waiting, reasons = new Map()) {
  const list = find("upload-list");
  list.replaceChildren();
  const first = [...chosen].sort((a, b) => reasons.has(b.path) - reasons.has(a.path));
  first.slice(0, SHOWN).forEach((one) => {
    const row = document.createElement("li");
    const name = document.createElement("span");
    name.className = "grow clip";
    name.textContent = name.title = one.path;
    const facts = document.createElement("span");
    facts.className = "quiet number";
    facts.textContent = size(one.file.size);
    one.state = document.createElement("span");
    one.state.className = "quiet number";
    one.state.textContent = reasons.has(one.path) ? "" : states(one);
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = "×";
    remove.setAttribute("aria-label", words.remove.replace("%name", one.path));
    remove.addEventListener("click", () => {
      chosen = chosen.filter((other) => other !== one);
      reasons.delete(one.path);
      show();
      draw(states, reasons);
    });
    row.append(name, facts, one.state, remove);
    if (reasons.has(one.path)) {
      const why = document.createElement("p");
      why.className = "why-not";
      why.textContent = reasons.get(one.path);
      row.append(why);
    }
    list.append(row);
  });
  if (chosen.length > SHOWN) {
    const more = document.createElement("li");
    more.className = "quiet";
    more.textContent = words.more.replace("%n", String(chosen.length - SHOWN));
    list.append(more);
  }
}

function show() {
  const any = chosen.length > 0;
  form.classList.toggle("has-files", any);
  find("upload-status").hidden = !any;
  find("upload-title").textContent = (chosen.length === 1 ? words.chosenOne : words.chosen)
    .replace("%n", String(chosen.length))
    .replace("%size", size(total()));
}

function problem(sentence) {
  const box = find("upload-problem");
  box.hidden = !sentence;
  box.textContent = sentence;
  if (sentence) find("upload-status").hidden = false;
}

function add(files) {
  const known = new Set(chosen.map((one) => one.path));
  files.forEach((one) => {
    if (!known.has(one.path)) chosen.push(one);
  });
  problem("");
  show();
  draw();
}

async function walk(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((good, bad) => entry.file(good, bad));
    found.push({ file, path: entry.fullPath.replace(/^\//, "") });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const part = await new Promise((good, bad) => reader.readEntries(good, bad));
    if (part.length === 0) return;
    for (const child of part) await walk(child, found);
  }
}

async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) {
    return [...transfer.files].map((file) => ({ file, path: file.name }));
  }
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

function busy(sending) {
  find("upload-cancel").hidden = !sending;
  if (!sending) find("upload-pause").hidden = true;
  find("upload-start").disabled = sending;
  find("upload-clear").disabled = sending;
}

/* `sent` bytes of `whole` since `began`, of which `before` were there already. */
function report(sent, whole, began, before = 0) {
  find("upload-bar").value = whole ? sent / whole : 1;
  const seconds = (performance.now() - began) / 1000;
  const rate = Math.max(1, (sent - before) / Math.max(seconds, 0.001));
  find("upload-title").textContent =
    sent >= whole
      ? words.storing
      : words.sending
          .replace("%percent", `${Math.floor((100 * sent) / whole)} %`)
          .replace("%rate", size(rate))
          .replace("%left", duration((whole - sent) / rate));
}

function say(one, share) {
  if (!one.state) return;
  one.state.textContent =
    share >= 1 ? words.done : share <= 0 ? words.waiting : `${Math.floor(share * 100)} %`;
}

function progress(event, began, small, ahead) {
  if (!event.lengthComputable) return;
  report(ahead + event.loaded, ahead + event.total, began, ahead);
  /* The parts of a form travel one after another, so the sum tells which files are through. */
  let before = 0;
  for (const one of small) {
    say(one, one.file.size ? (event.loaded - before) / one.file.size : 1);
    before += one.file.size;
  }
}

/* What the server has of a file from before a reload; the page lists it. */
function begun(one) {
  const rows = [...document.querySelectorAll("[data-upload]")];
  return rows.find(
    (row) =>
      row.dataset.name === one.path &&
      Number(row.dataset.length) === one.file.size &&
      Number(row.dataset.modified) === one.file.lastModified,
  );
}

async function sendInParts(large, whole, began) {
  let before = null;
  for (const one of large) {
    const row = begun(one);
    const others = large.reduce((sum, other) => sum + (other === one ? 0 : (other.sent ?? 0)), 0);
    going = new Parts(one.file, one.path, {
      address: form.dataset.parts,
      token: form.querySelector("input[name=csrfmiddlewaretoken]").value,
      metadata: { app: form.dataset.app, modified: one.file.lastModified },
      known: one.id ?? row?.dataset.upload,
      onProgress: (bytes) => {
        one.sent = bytes;
        before ??= others + bytes;
        if (!paused) report(others + bytes, whole, began, before);
        say(one, bytes / one.file.size);
      },
      onWaiting: (waiting) => {
        if (waiting) find("upload-title").textContent = words.offline;
      },
    });
    if (paused) going.pause();
    one.id = await going.send();
    row?.remove();
    going = null;
  }
}

function pause() {
  paused = !paused;
  const button = find("upload-pause");
  button.setAttribute("aria-pressed", String(paused));
  button.querySelector("[data-label]").textContent = paused
    ? button.dataset.resume
    : button.dataset.pause;
  if (paused) {
    going?.pause();
    find("upload-title").textContent = words.paused;
  } else {
    going?.resume();
  }
}

function answered() {
  busy(false);
  let answer = {};
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    problem(words.broken);
    return;
  }
  if (request.status < 300) {
    window.location.assign(answer.url);
    return;
  }
  const reasons = new Map((answer.reasons ?? []).map((one) => [one.name, one.message]));
  problem(reasons.size ? words.refused : `${answer.message} (${answer.code})`);
  find("upload-bar").value = 0;
  show();
  draw(() => "", reasons);
}

async function send(event) {
  event.preventDefault();
  if (chosen.length === 0) {
    problem(words.none);
    return;
  }
  const large = chosen.filter((one) => one.file.size >= Number(form.dataset.partsFrom));
  const small = chosen.filter((one) => !large.includes(one));
  const began = performance.now();
  problem("");
  draw();
  busy(true);
  paused = false;
  find("upload-pause").hidden = large.length === 0;
  try {
    await sendInParts(large, total(), began);
  } catch (error) {
    going = null;
    busy(false);
    if (error instanceof Stopped) cancelled();
    else problem(error.message);
    return;
  }
  find("upload-pause").hidden = true;
  sendForm(large, small);
}

function sendForm(large, small) {
  const body = new FormData();
  for (const field of form.querySelectorAll("input:not([type=file]), select")) {
    if (field.name && !body.has(field.name)) body.append(field.name, field.value);
  }
  large.forEach((one) => body.append("upload", one.id));
  small.forEach((one) => body.append("files", one.file, one.path));
  const ahead = large.reduce((sum, one) => sum + one.file.size, 0);
  const began = performance.now();
  request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", (step) => progress(step, began, small, ahead));
  request.addEventListener("load", answered);
  request.addEventListener("error", () => {
    busy(false);
    problem(large.length ? words.brokenLate : words.broken);
  });
  request.addEventListener("abort", () => {
    busy(false);
    cancelled();
  });
  request.send(body);
}

function cancelled() {
  find("upload-bar").value = 0;
  find("upload-title").textContent = words.cancelled;
  chosen.forEach((one) => {
    delete one.id;
    one.sent = 0;
  });
  draw();
}

async function cancel() {
  if (going) await going.stop();
  else request?.abort();
}

if (form) {
  const zone = find("drop");
  for (const name of ["dragover", "dragenter"]) {
    form.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  form.addEventListener("dragleave", (event) => {
    if (!form.contains(event.relatedTarget)) zone.classList.remove("over");
  });
  form.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    add(await dropped(event.dataTransfer));
  });
  for (const id of ["files", "folder"]) {
    find(id).addEventListener("change", (event) => {
      add(
        [...event.target.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })),
      );
      event.target.value = "";
    });
  }
  form.addEventListener("submit", send);
  find("upload-cancel").addEventListener("click", cancel);
  find("upload-pause").addEventListener("click", pause);
  find("upload-clear").addEventListener("click", () => {
    chosen = [];
    problem("");
    show();
    draw();
  });
}
