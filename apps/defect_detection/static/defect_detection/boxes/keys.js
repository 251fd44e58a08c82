/* What the keyboard does to boxes. Answers whether it used the key. */

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function pressed(event, board) {
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (control && !event.altKey) return withControl(key, event.shiftKey, board);
  const arrow = ARROWS[event.key];
  if (arrow && board.chosen().length && board.editable()) {
    const step = event.shiftKey ? 10 : 1;
    if (event.altKey) board.grow(arrow[0] * step, arrow[1] * step);
    else board.nudge(arrow[0] * step, arrow[1] * step);
    return true;
  }
  if (event.altKey) return false;
  if (key === "Escape") return board.escape();
  if (key === "b") return did(board.toggle());
  if (key === "f") return did(board.fit());
  if (key === "z") return did(board.fly(board.chosen()[0]?.id));
  if (key === "h") return did(board.setHand(!board.hand()));
  if (key === "+" || key === "=") return did(board.zoom(1.5));
  if (key === "-") return did(board.zoom(1 / 1.5));
  if (key === "[") return did(board.step(-1));
  if (key === "]") return did(board.step(1));
  if (!board.editable()) return false;
  if (key === "Delete" || key === "Backspace") return board.remove(board.chosen().map((box) => box.id));
  if (key === "Insert" || key === "i") return did(board.add());
  if (key === "a") return board.acceptAll();
  if (key === "x") return board.dismiss();
  if (key === "r") return board.repeat();
  return board.number(key);
}

function withControl(key, shift, board) {
  if (key === "c") return board.copy();
  if (key === "a") return did(board.choose(board.boxes().map((box) => box.id)));
  if (!board.editable()) return false;
  if (key === "z" && !shift) return did(board.undo());
  if (key === "y" || (key === "z" && shift)) return did(board.redo());
  if (key === "x") return board.copy() && board.remove(board.chosen().map((box) => box.id));
  if (key === "v") return board.paste();
  if (key === "d") return board.copy() && board.paste();
  return false;
}

const did = () => true;
