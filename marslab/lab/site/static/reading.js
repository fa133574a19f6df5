// What a reader does on a page: formulas, the place on the page, what is read, wide things.
document.querySelectorAll(".tex").forEach((place) => {
  const display = place.classList.contains("display");
  const options = { output: "mathml", displayMode: display, throwOnError: false };
  katex.render(place.textContent, place, options);
});

// What scrolls sideways must be reachable without a mouse.
const reach = () => document.querySelectorAll(".wide, pre, .picture, .plot").forEach((box) => {
  if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
});
addEventListener("resize", reach);
reach();

// On a narrow window the lists are folded; the page comes first.
const wide = matchMedia("(min-width: 64rem)");
const fold = () => document.querySelectorAll("#side details").forEach((list) => {
  list.open = wide.matches;
});
wide.addEventListener("change", fold);
fold();

const places = [...document.querySelectorAll("#contents a")];
const targets = places.map((a) => document.getElementById(decodeURIComponent(a.hash.slice(1))));
const follow = () => {
  let now = -1;
  // The last headings of a page may never reach its top.
  const end = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
  const line = end ? innerHeight : 120;
  targets.forEach((heading, i) => { if (heading.getBoundingClientRect().top < line) now = i; });
  places.forEach((a, i) => {
    if (i === now) a.setAttribute("aria-current", "true");
    else a.removeAttribute("aria-current");
  });
  const list = document.getElementById("side");
  if (list && places[now] && wide.matches) {
    const { top, bottom } = places[now].getBoundingClientRect();
    const frame = list.getBoundingClientRect();
    if (top < frame.top || bottom > frame.bottom) list.scrollTop += top - frame.top - 80;
  }
};
let waiting = false;
addEventListener("scroll", () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; follow(); });
}, { passive: true });
if (places.length) follow();

const readNames = () => {
  try { return new Set(JSON.parse(kept.get("marslab-read") || "[]")); } catch { return new Set(); }
};
const showRead = () => {
  const names = readNames();
  const marks = [...document.querySelectorAll("[data-notebook]")];
  marks.forEach((mark) => mark.classList.toggle("is-read", names.has(mark.dataset.notebook)));
  const sum = document.getElementById("progress");
  if (sum) {
    const done = marks.filter((mark) => mark.classList.contains("is-read")).length;
    sum.hidden = done === 0;
    sum.querySelector("progress").value = done;
    sum.querySelector("span").textContent = `${done} of ${marks.length} read`;
  }
  const button = document.getElementById("read");
  if (button) {
    const done = names.has(document.body.dataset.page);
    button.hidden = false;
    button.setAttribute("aria-pressed", String(done));
    button.textContent = done ? "\u2713 Read" : "Mark as read";
  }
};
document.getElementById("read")?.addEventListener("click", () => {
  const names = readNames();
  const page = document.body.dataset.page;
  if (!names.delete(page)) names.add(page);
  kept.set("marslab-read", JSON.stringify([...names]));
  showRead();
});
addEventListener("storage", showRead);
addEventListener("pageshow", showRead);
showRead();

if (navigator.clipboard) {
  document.querySelectorAll(".source").forEach((cell) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(cell.querySelector("pre").textContent.trimEnd() + "\n");
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    cell.append(button);
  });
}
