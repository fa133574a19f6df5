// Draws a figure when it comes near the window, in the colours of the page.
const LIGHT_TO_DARK = {
  "#ffffff": "#171c23", "#1d2733": "#e7edf3", "#5b6876": "#9fadbb", "#e3e8ee": "#2c3541",
  "#00487c": "#74bfff", "#a63c00": "#ff9d5c",
};
const PAPER = 0.0116;  // luminance of the dark page, WCAG 2.2
const luminance = (rgb) => {
  const [r, g, b] = rgb.map((v) => (v <= 10.3 ? v / 3295 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
// A line or a mark that the dark page would swallow is mixed with white until it shows, 3 to 1.
const legible = (color) => {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(color);
  const numbers = /^rgb\((\d+),\s*(\d+),\s*(\d+)\)$/.exec(color);
  if (!hex && !numbers) return color;
  let rgb = hex ? hex.slice(1).map((v) => parseInt(v, 16)) : numbers.slice(1).map(Number);
  while (luminance(rgb) + 0.05 < 3 * (PAPER + 0.05)) rgb = rgb.map((v) => v + (255 - v) * 0.1);
  return `rgb(${rgb.map(Math.round).join(",")})`;
};
const recoloured = (value, key) => {
  if (typeof value === "string") {
    return LIGHT_TO_DARK[value.toLowerCase()] || (key === "color" ? legible(value) : value);
  }
  if (Array.isArray(value)) return value.map((each) => recoloured(each, key));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, recoloured(v, k)]));
  }
  return value;
};
const figures = [...document.querySelectorAll(".plot")].map((frame) => ({
  place: frame.querySelector("div"),
  found: JSON.parse(frame.querySelector("script").textContent),
  drawn: false,
}));
const draw = (figure) => {
  // Figures of another look than ours stay as they are, on their own paper.
  const ours = figure.found.layout.paper_bgcolor in LIGHT_TO_DARK;
  const dark = ours && document.documentElement.dataset.theme === "dark";
  // Plotly writes into what it is given.
  const found = dark ? recoloured(figure.found, "") : structuredClone(figure.found);
  const { data, layout, config, frames } = found;
  figure.drawn = true;
  Plotly.react(figure.place, data, layout, config);
  if (frames) Plotly.addFrames(figure.place, frames);
};
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    near.unobserve(entry.target);
    draw(figures.find((figure) => figure.place === entry.target));
  }
}, { rootMargin: "600px" });
figures.forEach((figure) => near.observe(figure.place));
document.addEventListener("theme", () => figures.filter((figure) => figure.drawn).forEach(draw));
addEventListener("beforeprint", () => figures.filter((figure) => !figure.drawn).forEach(draw));
