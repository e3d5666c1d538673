"use strict";
// The gallery: which figures are there, in which order, and what each shows. Its state stands in the address, e.g.
// report.html#dataset=hgr&sort=iou-desc&tone=3&view=truth, so that a link says it. Without this script every figure is
// there, worst first, and shows the difference.
const gallery = document.getElementById("gallery");
const VIEWS = ["photograph", "truth", "prediction", "difference"];
const EDGES = [3 / 16, 6 / 16, 11 / 16]; // between their names on the strip, as in the style sheet

const ORDERS = {
  "iou": (a, b) => a.dataset.iou - b.dataset.iou,
  "iou-desc": (a, b) => b.dataset.iou - a.dataset.iou,
  "name": (a, b) => a.dataset.name.localeCompare(b.dataset.name, "en", { numeric: true }),
};

function setUp() {
  const form = gallery.querySelector("form");
  const selects = [...form.elements];
  const sections = [...gallery.querySelectorAll("section")].map((section) => ({
    name: section.dataset.name,
    section,
    grid: section.querySelector(".pictures"),
    said: section.querySelector(".said"),
    figures: [...section.querySelectorAll("figure")],
  }));
  const first = Object.fromEntries(selects.map((select) => [select.name, select.value]));

  function show() {
    const state = Object.fromEntries(selects.map((select) => [select.name, select.value]));
    gallery.dataset.view = state.view;
    for (const { name, section, grid, said, figures } of sections) {
      section.hidden = state.dataset !== "all" && state.dataset !== name;
      if (section.hidden) continue;
      const found = figures
        .filter((figure) => state.tone === "all" || figure.dataset.tone === state.tone)
        .filter((figure) => state.model === "all" || figure.dataset.model === state.model)
        .sort(ORDERS[state.sort]);
      const limit = state.show === "all" ? found.length : Number(state.show);
      // Only what is shown is in the page: two thousand figures would make each change slow.
      grid.replaceChildren(...found.slice(0, limit));
      const mean = found.reduce((sum, figure) => sum + Number(figure.dataset.iou), 0) / found.length;
      said.textContent = found.length
        ? `${Math.min(limit, found.length)} of ${found.length} shown; the mean IoU of the ${found.length} is ${mean.toFixed(3)}.`
        : "No image of this choice.";
    }
    return state;
  }

  function fromAddress() {
    const asked = new URLSearchParams(location.hash.slice(1));
    for (const select of selects) {
      const value = asked.get(select.name) ?? first[select.name];
      const known = [...select.options].some((option) => option.value === value);
      select.value = known ? value : first[select.name];
    }
    show();
  }

  form.addEventListener("change", () => {
    const changed = Object.entries(show()).filter(([name, value]) => value !== first[name]);
    // A bare "#" would scroll to the top.
    history.replaceState(null, "", `#${new URLSearchParams(changed) || "gallery"}`);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => location.hash.includes("=") && fromAddress());
  form.hidden = false;
  fromAddress();
}

// One strip of names for whichever figure is looked at: it says where to point, and what is shown.
const strip = document.createElement("div");
strip.className = "views";
strip.append(...VIEWS.map((view) => Object.assign(document.createElement("b"), { textContent: view.replace("graph", "") })));

function look(figure, view) {
  figure.dataset.view = view;
  figure.setAttribute("aria-description", `shows the ${view}`);
  [...strip.children].forEach((name, i) => name.toggleAttribute("aria-current", VIEWS[i] === view));
  figure.querySelector(".picture").append(strip);
}

function turn(figure, by) {
  const now = VIEWS.indexOf(figure.dataset.view ?? gallery.dataset.view);
  look(figure, VIEWS[(now + by + VIEWS.length) % VIEWS.length]);
}

function leave(figure) {
  delete figure.dataset.view;
  figure.removeAttribute("aria-description");
  strip.remove();
}

function followPointerAndKeys() {
  const figureOf = (event) => event.target.closest?.(".picture")?.parentElement;
  gallery.addEventListener("pointermove", (event) => {
    const figure = figureOf(event);
    if (!figure || event.pointerType !== "mouse") return;
    const box = figure.querySelector(".picture").getBoundingClientRect();
    look(figure, VIEWS[EDGES.filter((edge) => event.clientX - box.left > edge * box.width).length]);
  });
  gallery.addEventListener("pointerout", (event) => {
    const figure = figureOf(event);
    if (figure && event.pointerType === "mouse" && !figure.contains(event.relatedTarget)) leave(figure);
  });
  gallery.addEventListener("pointerup", (event) => {
    const figure = figureOf(event);
    if (figure && event.pointerType !== "mouse") turn(figure, 1);
  });
  gallery.addEventListener("keydown", (event) => {
    if (!event.target.matches?.("figure")) return;
    const step = { ArrowRight: 1, Enter: 1, " ": 1, ArrowLeft: -1 }[event.key];
    if (step) turn(event.target, step);
    else if ("1234".includes(event.key)) look(event.target, VIEWS[event.key - 1]);
    else if (event.key === "Escape") leave(event.target);
    else return;
    event.preventDefault();
  });
  gallery.addEventListener("focusout", (event) => event.target.matches?.("figure") && leave(event.target));
}

if (gallery) {
  setUp();
  followPointerAndKeys();
}

// Paper cannot be unfolded.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((each) => (each.open = true));
});
addEventListener("afterprint", () => folded.forEach((each) => (each.open = false)));
