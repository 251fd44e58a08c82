/* The editor of a rule: checked with every pause in typing, counted when it holds together. */
import { noteOf } from "./counted.js";

const CHECK_MS = 250;
const COUNT_MS = 700;
const form = document.getElementById("rule-form");
const area = document.getElementById("when");
const verdict = document.getElementById("verdict");
const note = document.getElementById("count-note");
const find = document.getElementById("find-value");
let checking = null;
let counting = null;
let timers = [];

async function post(address, control) {
  const answer = await fetch(address, { method: "POST", body: new FormData(form), signal: control.signal, headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

function say(text, wrong) {
  verdict.textContent = text;
  verdict.classList.toggle("wrong", wrong);
  area.setAttribute("aria-invalid", String(wrong));
}

async function check() {
  checking?.abort();
  const mine = new AbortController();
  checking = mine;
  if (!area.value.trim()) { say(verdict.dataset.empty, false); return; }
  let told;
  try {
    told = await post(form.dataset.check, mine);
  } catch (error) {
    if (error.name !== "AbortError") say(verdict.dataset.lost, false);
    return;
  }
  if (mine !== checking) return;
  say(told.ok ? told.said : told.error, !told.ok);
  verdict.dataset.at = told.ok ? "" : told.at;
  if (told.ok) timers.push(setTimeout(count, COUNT_MS - CHECK_MS));
  else blank();
}

function blank() {
  counting?.abort();
  form.querySelectorAll("[data-cell]").forEach((cell) => { cell.textContent = "–"; });
  note.textContent = "";
}

async function count() {
  counting?.abort();
  const mine = new AbortController();
  counting = mine;
  note.textContent = note.dataset.counting;
  let told;
  try {
    told = await post(form.dataset.count, mine);
  } catch (error) {
    if (error.name !== "AbortError") note.textContent = error.message;
    return;
  }
  if (mine !== counting) return;
  const one = told.rows ? told.counts.at(-1) : null;
  form.querySelectorAll("[data-cell]").forEach((cell) => {
    const value = one ? one[cell.dataset.cell] : "–";
    cell.textContent = typeof value === "number" ? value.toLocaleString() : value;
  });
  note.textContent = noteOf(told, note.dataset);
  form.dataset.counted = area.value;
}

function later() {
  timers.forEach(clearTimeout);
  timers = [setTimeout(check, CHECK_MS)];
}

area.addEventListener("input", later);
document.getElementById("outcome").addEventListener("change", later);
verdict.addEventListener("click", () => {
  if (!verdict.dataset.at) return;
  area.focus();
  area.setSelectionRange(Number(verdict.dataset.at), Number(verdict.dataset.at) + 1);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
document.querySelector(".vocabulary").addEventListener("click", (event) => {
  const button = event.target.closest("[data-insert]");
  if (!button) return;
  const before = area.value.slice(0, area.selectionStart);
  const gap = before && !/[\s(]$/.test(before) ? " " : "";
  area.focus();
  area.setRangeText(gap + button.dataset.insert, area.selectionStart, area.selectionEnd, "end");
  later();
});
find.addEventListener("input", () => {
  const wanted = find.value.trim().toLowerCase();
  document.querySelectorAll("[data-group]").forEach((group) => {
    let shown = 0;
    group.querySelectorAll("li").forEach((item) => {
      item.hidden = Boolean(wanted) && !item.textContent.toLowerCase().includes(wanted);
      shown += item.hidden ? 0 : 1;
    });
    group.hidden = shown === 0;
  });
});
find.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
check();
