/* What happened, for a screen reader: at once, or when the keys rest for a moment. */

const REST_MS = 350;

export function speaker(region) {
  let timer = 0;

  function say(text) {
    clearTimeout(timer);
    region.textContent = text;
  }

  function resting(text) {
    clearTimeout(timer);
    timer = setTimeout(() => { region.textContent = text; }, REST_MS);
  }

  return { say, resting };
}
