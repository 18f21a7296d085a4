// The list: sorted, filtered, and only what is in sight has elements.
const CARD = { width: 330, height: 124, gap: 6 };
const list = document.getElementById("list");
const rows = document.getElementById("rows");
const shown = new Map();
const state = {
  view: [], // rows in the order of the list
  place: new Map(), // where in the view a row is
  selected: 0,
  sort: "rank",
  descending: false,
  labelFilter: "",
  flagFilter: "",
  search: "",
};
let perLine = 1;
let isScheduled = false;

function passes(row) {
  const { labelFilter, flagFilter, search } = state;
  if (labelFilter === "none" ? labels[row] : labelFilter && labels[row] !== labelFilter) return false;
  if (flagFilter === "none" ? data.flags[row].length : flagFilter && !data.flags[row].includes(flagFilter)) {
    return false;
  }
  return !search || (data.id[row] + "\n" + data.reasons[row]).toLowerCase().includes(search);
}

// Sort and filter; values that are not known come last either way.
function updateView() {
  const start = performance.now();
  const values = columns.get(state.sort).values;
  const sign = state.descending ? -1 : 1;
  state.view = [];
  for (let row = 0; row < total; row++) if (passes(row)) state.view.push(row);
  state.view.sort((a, b) => {
    const first = values[a];
    const second = values[b];
    if (first === second) return a - b;
    if (first === null) return 1;
    if (second === null) return -1;
    return sign * (first - second);
  });
  state.place = new Map(state.view.map((row, place) => [row, place]));
  layOut();
  performance.measure("astrovae-sort", { start, end: performance.now() });
}

// Give the list its height, and show what is in sight.
function layOut() {
  const width = list.clientWidth - 2 * CARD.gap;
  perLine = Math.max(1, Math.floor((width + CARD.gap) / (CARD.width + CARD.gap)));
  const lines = Math.ceil(state.view.length / perLine);
  rows.style.height = lines * (CARD.height + CARD.gap) + CARD.gap + "px";
  for (const card of shown.values()) card.remove();
  shown.clear();
  drawCards();
}

function drawCards() {
  isScheduled = false;
  const step = CARD.height + CARD.gap;
  const first = Math.max(0, Math.floor(list.scrollTop / step) - 2) * perLine;
  const last = Math.min(
    state.view.length, Math.ceil((list.scrollTop + list.clientHeight) / step + 2) * perLine);
  const wanted = new Set(state.view.slice(first, last));
  for (const [row, card] of shown) {
    if (!wanted.has(row)) {
      card.remove();
      shown.delete(row);
    }
  }
  const width = (list.clientWidth - (perLine + 1) * CARD.gap) / perLine;
  for (let place = first; place < last; place++) {
    const row = state.view[place];
    if (shown.has(row)) continue;
    const card = makeCard(row, place);
    card.style.width = width + "px";
    card.style.height = CARD.height + "px";
    card.style.left = CARD.gap + (place % perLine) * (width + CARD.gap) + "px";
    card.style.top = CARD.gap + Math.floor(place / perLine) * step + "px";
    shown.set(row, card);
    rows.append(card);
  }
  const active = shown.get(state.selected);
  if (active) list.setAttribute("aria-activedescendant", active.id);
  else list.removeAttribute("aria-activedescendant");
}

const fixed = (value) => (value === null ? "\u2013" : value.toFixed(2));

function makeBadge(row) {
  if (labels[row]) return make("span", { class: "badge " + labels[row] }, labels[row]);
  if (data.kind[row] === "candidate") return "";
  const text = data.kind[row] === "artefact" ? "artefact?" : data.kind[row];
  return make("span", { class: "badge " + data.kind[row] }, text);
}

function makeCard(row, place) {
  const numbers = ["rank " + (row + 1), "score " + fixed(columns.get("score").values[row])];
  if (!["rank", "score"].includes(state.sort)) {
    const column = columns.get(state.sort);
    const name = column.label.replace(/ \[.*\]$/, "");
    numbers.push(name + " " + format(column.values[row]));
  }
  const text = make("div", {},
    make("div", { class: "top" },
      make("span", { class: "id", title: data.id[row] }, data.id[row]), makeBadge(row)),
    make("div", { class: "numbers" }, numbers.join(" \u00b7 ")),
    make("div", { class: "why" }, data.reasons[row] || "nothing stands out"));
  return make("div", {
    class: "card", role: "option", id: "card-" + row, "data-row": row,
    "aria-selected": String(row === state.selected),
    "aria-posinset": place + 1, "aria-setsize": state.view.length,
  }, makePicture(row), text);
}

// Make one card anew after its label or its selection changed.
function refreshCard(row) {
  const card = shown.get(row);
  if (!card) return;
  const fresh = makeCard(row, state.place.get(row));
  fresh.style.cssText = card.style.cssText;
  card.replaceWith(fresh);
  shown.set(row, fresh);
}

function scrollToRow(row) {
  if (!state.place.has(row)) return;
  const step = CARD.height + CARD.gap;
  const top = Math.floor(state.place.get(row) / perLine) * step;
  if (top < list.scrollTop) list.scrollTop = top;
  const bottom = top + step + CARD.gap - list.clientHeight;
  if (bottom > list.scrollTop) list.scrollTop = bottom;
  drawCards();
}

list.addEventListener("scroll", () => {
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(drawCards);
});
