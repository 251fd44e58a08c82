/* Undo and redo over whole lists of boxes, which are never changed in place. */

const DEEPEST = 500;

export function createHistory(first = []) {
  let past = [];
  let now = first;
  let future = [];
  return {
    get now() {
      return now;
    },
    get canUndo() {
      return past.length > 0;
    },
    get canRedo() {
      return future.length > 0;
    },
    /* A step; with `joins`, steps of the same name in a row become one (nudging by keys). */
    push(next, joins = "") {
      if (!joins || joins !== this.joins || !past.length) past = [...past.slice(-DEEPEST), now];
      this.joins = joins;
      now = next;
      future = [];
    },
    undo() {
      if (!past.length) return false;
      future = [now, ...future];
      now = past[past.length - 1];
      past = past.slice(0, -1);
      this.joins = "";
      return true;
    },
    redo() {
      if (!future.length) return false;
      past = [...past, now];
      [now, ...future] = future;
      this.joins = "";
      return true;
    },
    /* Another image: nothing of the one before can be undone here. */
    reset(boxes) {
      past = [];
      future = [];
      now = boxes;
      this.joins = "";
    },
    joins: "",
  };
}
