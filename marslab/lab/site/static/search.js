// Searches the words of every page. The index is a script: a page opened from a file cannot fetch.
(() => {
  const box = document.getElementById("query");
  const panel = document.getElementById("found");
  const [status, list] = [panel.querySelector("p"), panel.querySelector("ol")];
  const MOST = 20;
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  let index = null;
  let coming = null;

  const load = () => {
    coming ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = "assets/search-index.js";
      script.onload = () => {
        index = window.marslabSearch.map((entry) => ({
          ...entry, low: plain(entry.text), top: plain(`${entry.title} ${entry.heading}`),
        }));
        resolve();
      };
      script.onerror = reject;
      document.head.append(script);
    });
    return coming;
  };

  const times = (text, term) => text.split(term).length - 1;
  const score = (entry, terms) => {
    let sum = 0;
    for (const term of terms) {
      const here = 8 * Math.min(times(entry.top, term), 2) + Math.min(times(entry.low, term), 5);
      if (!here) return 0;
      sum += here;
    }
    return sum;
  };

  // The words around the first hit, with every hit marked; text nodes only, never markup.
  const excerpt = (entry, terms) => {
    const line = document.createElement("span");
    const at = Math.max(0, Math.min(...terms.map((t) => entry.low.indexOf(t)).filter((i) => i >= 0), Infinity));
    const same = entry.low.length === entry.text.length && Number.isFinite(at);
    const start = same ? Math.max(0, entry.text.lastIndexOf(" ", Math.max(0, at - 40)) + 1) : 0;
    const cut = entry.text.slice(start, start + 150);
    const whole = start + 150 >= entry.text.length;
    const text = (start ? "… " : "") + (whole ? cut : `${cut.replace(/\s+\S*$/, "")} …`);
    const escaped = terms.map((t) => t.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    text.split(new RegExp(`(${escaped.join("|")})`, "i")).forEach((piece, i) => {
      if (i % 2) {
        const mark = document.createElement("mark");
        mark.textContent = piece;
        line.append(mark);
      } else line.append(piece);
    });
    return line;
  };

  const show = () => {
    const terms = plain(box.value).split(/\s+/).filter(Boolean);
    panel.hidden = terms.length === 0;
    if (panel.hidden || !index) return;
    const hits = index.map((entry) => [score(entry, terms), entry]).filter(([n]) => n)
      .sort((a, b) => b[0] - a[0]).slice(0, MOST);
    const said = hits.length === 1 ? "1 place" : `${hits.length} places`;
    status.textContent = hits.length ? `${hits.length === MOST ? "The best " : ""}${said}` : "Nothing found. Try fewer or shorter words.";
    list.replaceChildren(...hits.map(([, entry]) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = `${entry.page}.html${entry.id ? `#${entry.id}` : ""}`;
      const head = document.createElement("b");
      head.textContent = entry.heading || entry.title;
      const where = document.createElement("small");
      where.textContent = entry.heading && entry.heading !== entry.title ? entry.title : "";
      link.append(head, where, excerpt(entry, terms));
      item.append(link);
      return item;
    }));
  };

  const close = () => { panel.hidden = true; };
  const search = () => load().then(show, () => {
    panel.hidden = false;
    status.textContent = "The search index is missing: build the site again.";
  });
  box.addEventListener("focus", search);
  box.addEventListener("input", search);
  if (document.activeElement === box) search();
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      box.focus();
      box.select();
    } else if (event.key === "Escape" && !panel.hidden) {
      box.value = "";
      close();
      box.focus();
    }
  });
  document.getElementById("search").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const links = [...list.querySelectorAll("a")];
    if (event.key === "Enter" && event.target === box && links.length) links[0].click();
    if (!step || !links.length) return;
    event.preventDefault();
    const at = links.indexOf(document.activeElement) + step;
    (at < 0 ? box : links[Math.min(at, links.length - 1)]).focus();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#search") || event.target.closest("#found a")) close();
  });
})();
