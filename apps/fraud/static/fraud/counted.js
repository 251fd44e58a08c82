/* Counts of rules: the sentence that says on which day they were made. */
export function noteOf(told, words) {
  if (told.error) return `${told.error} (${told.code})`;
  if (!told.rows) return words.none;
  const sentence = told.yesterday ? words.yesterday : words.last;
  return sentence.replace("{day}", told.day).replace("{zone}", told.timezone).replace("{rows}", told.rows.toLocaleString());
}
