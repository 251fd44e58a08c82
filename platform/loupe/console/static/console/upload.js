/* The drop zone: files, folders and archives in one request, with progress file by file. */

const form = document.getElementById("upload");
const words = document.getElementById("upload-words")?.dataset;
const find = (id) => document.getElementById(id);
const SHOWN = 200;

let chosen = []; // {file, path}
let request = null;

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
  find("upload-start").disabled = sending;
  find("upload-clear").disabled = sending;
}

function progress(event, began) {
  if (!event.lengthComputable) return;
  find("upload-bar").value = event.loaded / event.total;
  const seconds = (performance.now() - began) / 1000;
  const rate = event.loaded / Math.max(seconds, 0.001);
  find("upload-title").textContent =
    event.loaded >= event.total
      ? words.storing
      : words.sending
          .replace("%percent", `${Math.floor((100 * event.loaded) / event.total)} %`)
          .replace("%rate", size(rate))
          .replace("%left", duration((event.total - event.loaded) / rate));
  /* The parts of a form travel one after another, so the sum tells which files are through. */
  let before = 0;
  for (const one of chosen) {
    const share = one.file.size ? (event.loaded - before) / one.file.size : 1;
    before += one.file.size;
    if (!one.state) continue;
    one.state.textContent =
      share >= 1 ? words.done : share <= 0 ? words.waiting : `${Math.floor(share * 100)} %`;
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

function send(event) {
  event.preventDefault();
  if (chosen.length === 0) {
    problem(words.none);
    return;
  }
  const body = new FormData();
  for (const field of form.querySelectorAll("input[type=hidden], select, input[name=name]")) {
    body.append(field.name, field.value);
  }
  chosen.forEach((one) => body.append("files", one.file, one.path));
  const began = performance.now();
  problem("");
  draw();
  request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", (step) => progress(step, began));
  request.addEventListener("load", answered);
  request.addEventListener("error", () => {
    busy(false);
    problem(words.broken);
  });
  request.addEventListener("abort", () => {
    busy(false);
    find("upload-bar").value = 0;
    find("upload-title").textContent = words.cancelled;
    draw();
  });
  busy(true);
  request.send(body);
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
  find("upload-cancel").addEventListener("click", () => request?.abort());
  find("upload-clear").addEventListener("click", () => {
    chosen = [];
    problem("");
    show();
    draw();
  });
}
