/* Labels a model suggests: asked for by key, or for each record that is still to label. */

import { words } from "./words.js";

export function createProposals(server, editor, current, view) {
  const model = document.getElementById("model");
  const always = document.getElementById("always");
  const told = document.getElementById("proposed");
  const button = document.getElementById("propose");
  let asked = 0;
  let who = "";

  async function ask() {
    if (!model || !editor.ready) return;
    const mine = ++asked;
    const record = current();
    told.textContent = words("asking");
    button.disabled = true;
    try {
      const answer = await server.post(record.id, "propose", { model: model.value });
      if (mine !== asked || current().id !== record.id) return;
      who = `${answer.model} v${answer.version}`;
      editor.propose(answer);
    } catch (error) {
      if (mine === asked) told.textContent = error.message || words("unasked");
    } finally {
      if (mine === asked) button.disabled = false;
    }
  }

  function count(shown, offered) {
    if (!told || !who) return;
    told.textContent = offered
      ? words("proposed", { n: offered, k: shown, s: who })
      : words("nothing", { s: who });
  }

  function opened() {
    if (!model) return;
    asked += 1;
    who = "";
    told.textContent = "";
    button.disabled = false;
    if (always.checked && current().state === "todo") void ask();
  }

  always?.addEventListener("change", () => {
    localStorage.setItem("loupe.propose", always.checked ? "always" : "");
    opened();
  });
  if (always) always.checked = localStorage.getItem("loupe.propose") === "always";
  button?.addEventListener("click", () => void ask());
  return { ask, count, opened };
}
