/* A fieldset whose rows grow: filling the last empty one adds another. */
document.querySelectorAll("[data-grows]").forEach((group) => {
  group.addEventListener("input", (event) => {
    const row = event.target.closest(".class-row");
    if (!row || row !== group.querySelector(".class-row:last-of-type")) return;
    const copy = row.cloneNode(true);
    copy.querySelectorAll("input").forEach((field) => {
      field.value = "";
      field.removeAttribute("id");
    });
    group.append(copy);
  });
});
