// Runs before the first paint, so that a dark page does not flash white.
const kept = {
  get(name) { try { return localStorage.getItem(name); } catch { return null; } },
  set(name, value) { try { localStorage.setItem(name, value); } catch { /* not kept, then */ } },
};
const system = matchMedia("(prefers-color-scheme: dark)");
const applyTheme = (theme) => {
  document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  if (button) {
    button.textContent = theme === "dark" ? "\u2600 Light" : "\u263E Dark";
    button.setAttribute("aria-label", theme === "dark" ? "Use light colours" : "Use dark colours");
  }
  document.dispatchEvent(new Event("theme"));
};
const chosenTheme = () => kept.get("marslab-theme") || (system.matches ? "dark" : "light");
applyTheme(chosenTheme());
system.addEventListener("change", () => applyTheme(chosenTheme()));
addEventListener("storage", (event) => {
  if (event.key === "marslab-theme") applyTheme(chosenTheme());
});
addEventListener("DOMContentLoaded", () => {
  applyTheme(chosenTheme());
  document.getElementById("theme").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    kept.set("marslab-theme", theme);
    applyTheme(theme);
  });
});
