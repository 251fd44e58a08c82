/* What the page shows around the editor: where one is, what is saved, who else is there. */

import { words } from "./words.js";

export function createView(data) {
  const show = (name) => document.querySelector(`#annotate [data-show="${name}"]`);
  const refused = document.getElementById("refused");
  const conflicted = document.getElementById("conflict");
  const saving = document.getElementById("saved");
  const waiting = document.getElementById("wait");
  const TONES = { labelled: "tone-good", skipped: "", todo: "tone-unsure" };
  let told = 0;
  let counting = 0;

  function progress({ counts, total }) {
    const share = (value) => `${total ? (100 * value) / total : 0}%`;
    const [labelled, skipped] = document.querySelectorAll("#progress rect");
    labelled.setAttribute("width", share(counts.labelled));
    skipped.setAttribute("x", share(counts.labelled));
    skipped.setAttribute("width", share(counts.skipped));
    document.getElementById("progress-words").textContent = words("progress", {
      n: counts.labelled,
      m: total,
      k: counts.skipped,
    });
  }

  function changes(list) {
    const place = document.getElementById("changes");
    place.replaceChildren(
      ...list.map(({ who, at, how }) => {
        const item = document.createElement("li");
        const name = document.createElement("strong");
        name.textContent = who;
        const when = document.createElement("span");
        when.className = "quiet number";
        when.textContent = at;
        item.append(name, ` ${how} `, when);
        return item;
      }),
    );
    document.getElementById("no-changes").hidden = list.length > 0;
  }

  return {
    show(record) {
      document.title = document.title.replace(/^.*? · /, `${record.name} · `);
      show("name").textContent = record.name;
      show("name").title = record.name;
      show("group").textContent = record.group ? ` · ${record.group}` : "";
      show("position").textContent = words("position", { n: record.position, m: record.total });
      const state = show("state");
      state.textContent = words(`state${record.state[0].toUpperCase()}${record.state.slice(1)}`);
      state.className = `badge-state ${TONES[record.state]}`;
      const skip = show("skip");
      if (skip) skip.textContent = words(record.state === "skipped" ? "unskip" : "skip");
      for (const button of document.querySelectorAll("#annotate [data-go]")) {
        button.disabled = record[button.dataset.go] === null;
      }
      progress(record);
      changes(record.changes);
      this.others(record.others);
      if (!data.editable) this.saved("looking", {}, 0);
    },
    others(names) {
      const place = show("others");
      place.hidden = names.length === 0;
      place.lastElementChild.textContent = names.length ? words("here", { s: names.join(", ") }) : "";
    },
    saved(asked, { seconds }, drafts) {
      const state = data.editable ? asked : "looking";
      clearInterval(counting);
      const shown = state === "signed-out" ? "offline" : state;
      saving.dataset.state = shown;
      if (state === "signed-out") this.refuse(words("signedOut"));
      else if (state === "saved") this.refuse(null);
      const place = show("saved");
      let left = seconds ?? 0;
      const tick = () => {
        const more = drafts > 1 ? ` · ${words("waiting", { n: drafts })}` : "";
        place.textContent = words(shown === "offline" && !left ? "saving" : shown, { n: left }) + more;
        left = Math.max(0, left - 1);
      };
      tick();
      if (shown === "offline" && seconds) counting = setInterval(tick, 1000);
    },
    refuse(sentence) {
      refused.hidden = !sentence;
      if (sentence) refused.lastElementChild.textContent = sentence;
    },
    conflict(name) {
      conflicted.hidden = !name;
      if (name) document.getElementById("conflict-words").textContent = words("theirs", { s: name });
    },
    wait(sentence) {
      waiting.hidden = !sentence;
      waiting.textContent = sentence ?? "";
    },
    /* Something worth knowing that needs no answer; gone after a while. */
    tell(sentence) {
      clearTimeout(told);
      this.wait(sentence);
      told = setTimeout(() => this.wait(null), 4000);
    },
  };
}
