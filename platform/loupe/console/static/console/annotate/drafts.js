/* What was drawn and is not stored by the server yet, kept on this device across reloads.

   A draft is {labels, source, revision, kept}: `revision` is the one the person had seen. */

export function createDrafts(user, dataset) {
  const prefix = `loupe.draft.${user}.${dataset}.`;
  /* Where the browser keeps nothing (private windows, full disks), this window still does. */
  const here = new Map();

  function put(id, draft) {
    here.set(String(id), draft);
    try {
      localStorage.setItem(prefix + id, JSON.stringify(draft));
    } catch (error) {
      console.info("drafts are kept in this window only:", error.name);
    }
  }

  function drop(id) {
    here.delete(String(id));
    localStorage.removeItem(prefix + id);
  }

  function all() {
    const ids = new Set(here.keys());
    for (let index = 0; index < localStorage.length; index += 1) {
      const key = localStorage.key(index);
      if (key.startsWith(prefix)) ids.add(key.slice(prefix.length));
    }
    return [...ids];
  }

  function get(id) {
    if (here.has(String(id))) return here.get(String(id));
    try {
      const draft = JSON.parse(localStorage.getItem(prefix + id));
      if (draft) here.set(String(id), draft);
      return draft;
    } catch {
      localStorage.removeItem(prefix + id);
      return null;
    }
  }

  return { put, drop, all, get };
}
