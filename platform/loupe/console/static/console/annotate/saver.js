/* Saves while people draw: soon after each change, again when the line was down, never over what
   somebody else has stored. Every change is a draft on this device until the server has it. */

import { Refused } from "./server.js";

const SOON_MS = 700;
const AGAIN_S = [2, 4, 8, 15, 30];

/* `report(state, details)` with: saved, unsaved, saving, offline {seconds}, conflict {id, theirs},
   refused {id, message}, signed-out. `stored(id, record)` after each save. */
export function createSaver(server, drafts, report, stored) {
  let timer = 0;
  let running = null;
  let failures = 0;
  const held = new Set(); /* conflicts and refusals wait for the person */

  function change(id, labels, source, revision) {
    const before = drafts.get(id);
    const accepted = before?.source === "accepted" || source === "accepted";
    drafts.put(id, {
      labels,
      source: accepted ? "accepted" : source,
      revision: before?.revision ?? revision,
      kept: Date.now(),
    });
    if (held.has(String(id))) return;
    report("unsaved");
    plan(SOON_MS);
  }

  function plan(milliseconds) {
    clearTimeout(timer);
    timer = setTimeout(() => void flush(), milliseconds);
  }

  /* Resolves when everything that can be stored is stored, or the line is down. */
  async function flush(keepalive = false) {
    clearTimeout(timer);
    while (running) await running;
    running = all(keepalive).finally(() => (running = null));
    return running;
  }

  async function all(keepalive) {
    for (const id of drafts.all()) {
      if (held.has(id)) continue;
      if (!(await one(id, keepalive))) return;
    }
    failures = 0;
    if (!held.size && !drafts.all().length) report("saved");
  }

  async function one(id, keepalive) {
    const draft = drafts.get(id);
    if (!draft) return true;
    report("saving");
    try {
      const record = await server.post(
        id,
        "save",
        { labels: draft.labels, expected_revision: draft.revision, source: draft.source },
        keepalive,
      );
      const newer = drafts.get(id);
      if (newer && newer.kept !== draft.kept) drafts.put(id, { ...newer, revision: record.revision });
      else drafts.drop(id);
      stored(Number(id), record);
      if (drafts.get(id)) plan(SOON_MS);
      return true;
    } catch (error) {
      if (error instanceof Refused && error.status === 401) {
        failures = AGAIN_S.length - 1;
        report("signed-out");
        plan(AGAIN_S[failures] * 1000);
        return false;
      }
      if (error instanceof Refused && error.status === 409 && same(error.said.theirs.labels, draft.labels)) {
        /* Stored by us before: the answer was lost on its way. */
        drafts.drop(id);
        stored(Number(id), error.said.theirs);
        return true;
      }
      if (error instanceof Refused) {
        held.add(id);
        if (error.status === 409) report("conflict", { id: Number(id), theirs: error.said.theirs });
        else report("refused", { id: Number(id), message: error.message });
        return true;
      }
      if (!(error instanceof TypeError)) throw error;
      const seconds = AGAIN_S[Math.min(failures, AGAIN_S.length - 1)];
      failures += 1;
      report("offline", { seconds });
      plan(seconds * 1000);
      return false;
    }
  }

  window.addEventListener("online", () => drafts.all().length && void flush());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden" && drafts.all().length) void flush(true);
  });

  return {
    change,
    flush,
    held: (id) => held.has(String(id)),
    hold: (id) => held.add(String(id)),
    /* The person has decided about a conflict: what is drawn now follows `revision`. */
    settle(id, labels, revision, source = "drawn") {
      held.delete(String(id));
      drafts.put(id, { labels, source, revision, kept: Date.now() });
      plan(0);
    },
    forget(id) {
      held.delete(String(id));
      drafts.drop(id);
      void flush();
    },
  };
}

function same(a, b) {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => same(a[key], b[key]));
}
