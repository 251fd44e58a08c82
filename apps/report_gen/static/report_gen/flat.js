/* Where no volume can be drawn: axial slices as pictures, at reduced resolution. */

export function flat(told, words, window) {
  const place = document.getElementById("flat");
  const picture = document.getElementById("flat-picture");
  const slider = document.getElementById("flat-slice");
  const said = document.getElementById("flat-said");
  const shape = told.volume?.shape ?? [1, 1, 1];
  const step = Math.ceil(shape[0] / 96);
  const total = Math.max(1, Math.floor(shape[0] / step));
  slider.max = String(total - 1);
  slider.value = String(Math.floor(total / 2));
  let chosen = window;

  function show() {
    const number = slider.value;
    picture.src = `${told.slices.replace(/0\.png$/, `${number}.png`)}?window=${encodeURIComponent(chosen)}`;
    said.textContent = words.slice.replace("%n", String(Number(number) + 1)).replace("%total", String(total));
    picture.alt = said.textContent;
  }

  slider.addEventListener("input", show);
  place.hidden = false;
  show();
  return {
    window(name) { chosen = name; show(); },
    goTo(centre) {
      if (!told.volume) return;
      const z = (centre[2] - told.volume.affine[2][3]) / told.volume.spacing[0];
      slider.value = String(Math.max(0, Math.min(total - 1, total - 1 - Math.round(z / step))));
      show();
    },
    step(by) { slider.value = String(Number(slider.value) + by); show(); },
  };
}
