/* What every page shares: menus, dialogs, the keyboard help, copying, questions before deeds. */

const typing = (target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

function closeMenus(except) {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (menu !== except) menu.open = false;
  });
}

document.addEventListener("click", (event) => {
  const target = event.target;
  if (!(target instanceof Element)) return;
  closeMenus(target.closest("details.menu"));

  const theme = target.closest("[data-set-theme]");
  if (theme) window.loupeTheme.set(theme.dataset.setTheme);

  const opener = target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog)?.showModal();

  const closer = target.closest("[data-close-dialog]");
  if (closer) closer.closest("dialog")?.close();

  const copier = target.closest("[data-copy]");
  if (copier) copyFrom(copier);
});

async function copyFrom(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  const label = button.querySelector("[data-label]");
  if (!label) return;
  const before = label.textContent;
  label.textContent = button.dataset.copied;
  setTimeout(() => (label.textContent = before), 1500);
}

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.ask ?? event.target.dataset.ask;
  if (question && !window.confirm(question)) event.preventDefault();
});

document.addEventListener("change", (event) => {
  if (event.target instanceof HTMLElement && event.target.matches("[data-submits]")) {
    event.target.form?.requestSubmit();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenus(null);
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "?") {
    document.getElementById("keyboard-help")?.showModal();
    event.preventDefault();
  }
  if (event.key === "/") {
    const search = document.getElementById("search");
    if (search) {
      search.focus();
      event.preventDefault();
    }
  }
  const link = document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`);
  if (link) {
    link.click();
    event.preventDefault();
  }
});

document.addEventListener("DOMContentLoaded", () => window.loupeTheme.apply());
window.loupeTheme.apply();

export { typing };
