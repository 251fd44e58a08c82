/* Sentences of the page in the reader's language; %n, %m, %k are numbers, %s a name. */

const said = document.getElementById("words").dataset;

export function words(key, { n, m, k, s } = {}) {
  return (said[key] ?? key)
    .replace("%n", String(n))
    .replace("%m", String(m))
    .replace("%k", String(k))
    .replace("%s", () => s);
}
