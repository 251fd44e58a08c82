/* Runs before the first paint: the chosen theme, or the system's when none is chosen. */
(function () {
  "use strict";
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function choice() {
    const found = document.cookie.match(/(?:^|; )loupe_theme=(light|dark)/);
    return found ? found[1] : "auto";
  }

  function apply() {
    const chosen = choice();
    const theme = chosen === "auto" ? (dark.matches ? "dark" : "light") : chosen;
    root.setAttribute("data-bs-theme", theme);
    root.setAttribute("data-theme-choice", chosen);
    document.querySelectorAll("[data-set-theme]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.setTheme === chosen));
    });
  }

  window.loupeTheme = {
    set(chosen) {
      const age = chosen === "auto" ? 0 : 31536000;
      document.cookie = `loupe_theme=${chosen}; path=/; max-age=${age}; samesite=lax`;
      apply();
    },
    apply,
  };
  dark.addEventListener("change", apply);
  apply();
})();
