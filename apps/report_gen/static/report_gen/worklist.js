/* The worklist by keyboard. Its rows come and go, so they are looked up each time. */
import { typing } from "../console/shell.js";

let current = "";

function rows() {
  return [...document.querySelectorAll("#worklist tr[data-row]")];
}

function go(step) {
  const listed = rows();
  if (!listed.length) return;
  const at = listed.findIndex((row) => row.id === current);
  const next = listed[Math.max(0, Math.min(listed.length - 1, at + step))];
  current = next.id;
  mark();
  next.querySelector("td.name a").focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function mark() {
  rows().forEach((row) => row.toggleAttribute("data-current", row.id === current));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "j") go(1);
  if (event.key === "k") go(current ? -1 : 1);
  if (event.key === "c" && current) document.getElementById(current)?.querySelector("button[data-claim]")?.click();
});
document.addEventListener("htmx:afterSwap", mark);
document.addEventListener("htmx:after:swap", mark);
