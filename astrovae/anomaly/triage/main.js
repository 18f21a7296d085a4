// Selection, details, keys and menus.
const element = (id) => document.getElementById(id);
const say = (text) => {
  element("status").textContent = text;
};

function select(row, scroll = true) {
  const before = state.selected;
  state.selected = row;
  if (scroll) scrollToRow(row);
  refreshCard(before);
  refreshCard(row);
  drawCards();
  showDetail();
  drawScatter();
}

function move(step) {
  const at = state.place.get(state.selected);
  const next = at === undefined ? 0 : Math.min(Math.max(at + step, 0), state.view.length - 1);
  if (state.view.length) select(state.view[next]);
}

function label(row, word) {
  const at = state.place.get(row);
  const trouble = setLabel(row, word);
  const count = labels.filter((other) => other).length;
  say(data.id[row] + ": " + (word || "no label") + ". " + count + " labelled." + trouble);
  if (element("advance").checked && word && at !== undefined && at + 1 < state.view.length) {
    state.selected = state.view[at + 1];
  }
  afterLabels();
}

function afterLabels() {
  updateView();
  fillCount();
  fillLabelFilter();
  select(state.selected);
}

function undo() {
  const row = undoLabel();
  if (row === null) {
    say("There is nothing to undo.");
    return;
  }
  state.selected = row;
  say(data.id[row] + ": " + (labels[row] || "no label") + " again.");
  afterLabels();
}

function showDetail() {
  const row = state.selected;
  const buttons = LABELS.map((word) => {
    const button = make("button",
      { type: "button", class: word, "aria-pressed": String(labels[row] === word) },
      word + " (" + word[0] + ")");
    button.addEventListener("click", () => label(row, labels[row] === word ? "" : word));
    return button;
  });
  const why = data.reasons[row] ? data.reasons[row].split("; ") : ["nothing stands out"];
  const body = make("tbody");
  for (const column of data.columns) {
    let text = format(column.values[row]);
    if (column.lower && column.values[row] !== null) {
      text += " (" + format(column.lower[row]) + " to " + format(column.upper[row]) + ")";
    }
    body.append(make("tr", {}, make("th", { scope: "row" }, column.label), make("td", {}, text)));
  }
  const image = makePicture(row);
  image.setAttribute("alt", "Image of " + data.id[row]);
  element("detail").replaceChildren(
    make("div", { class: "head" }, image,
      make("div", {}, make("h2", {}, data.id[row]), makeBadge(row),
        make("div", { class: "labels" }, ...buttons))),
    make("ul", {}, ...why.map((text) => make("li", {}, text))),
    make("table", {}, body));
}

function fillSelect(id, options, value) {
  const menu = element(id);
  menu.replaceChildren(...options.map(([key, text]) => make("option", { value: key }, text)));
  menu.value = value;
}

function fillCount() {
  element("count").textContent = state.view.length + " of " + total + " galaxies";
}

function fillLabelFilter() {
  const count = (word) => labels.filter((other) => other === word).length;
  fillSelect("label-filter", [["", "any or none"], ["none", "none (" + count("") + ")"],
    ...LABELS.map((word) => [word, word + " (" + count(word) + ")"])], state.labelFilter);
}

function fillMenus() {
  const names = data.columns.map((column) => [column.name, column.label]);
  const numbers = names.filter(([name]) => name !== "rank");
  fillSelect("sort", names, state.sort);
  fillSelect("x-axis", numbers, scatter.x);
  fillSelect("y-axis", numbers, scatter.y);
  const count = new Map();
  for (const flag of data.flags.flat()) count.set(flag, (count.get(flag) || 0) + 1);
  const none = data.flags.filter((flags) => !flags.length).length;
  fillSelect("flag-filter", [["", "any or none"], ["none", "none (" + none + ")"],
    ...[...count].sort().map(([flag, n]) => [flag, flag + " (" + n + ")"])], "");
  fillLabelFilter();
}

function changeView() {
  updateView();
  fillCount();
  list.scrollTop = 0;
  drawCards();
  if (!state.place.has(state.selected) && state.view.length) state.selected = state.view[0];
  select(state.selected, false);
}

function showDirection() {
  element("direction").textContent = state.descending ? "Descending" : "Ascending";
}

function onChange(id, change, type = "change") {
  element(id).addEventListener(type, (event) => {
    change(event.target.value);
    changeView();
  });
}

onChange("sort", (name) => {
  state.sort = name;
  state.descending = name !== "rank";
  showDirection();
});
onChange("direction", () => {
  state.descending = !state.descending;
  showDirection();
}, "click");
onChange("label-filter", (value) => (state.labelFilter = value));
onChange("flag-filter", (value) => (state.flagFilter = value));
onChange("search", (value) => (state.search = value.trim().toLowerCase()), "input");
for (const axis of ["x", "y"]) {
  element(axis + "-axis").addEventListener("change", (event) => {
    scatter[axis] = event.target.value;
    drawScatter();
  });
}
element("tools").addEventListener("submit", (event) => event.preventDefault());
element("export").addEventListener("click", () => {
  const count = labels.filter((word) => word).length;
  if (count) exportLabels();
  say(count ? count + " labels exported." : "There is no label to export yet.");
});
element("help-button").addEventListener("click", () => element("help").showModal());
element("help-close").addEventListener("click", () => element("help").close());
element("forget").addEventListener("click", () => {
  say(forgetLabels());
  element("help").close();
  afterLabels();
});
rows.addEventListener("click", (event) => {
  const card = event.target.closest(".card");
  if (card) select(Number(card.dataset.row));
});
canvas.addEventListener("click", (event) => {
  const point = pointAt(event);
  if (point) select(point.row);
});

const KEYS = {
  i: () => label(state.selected, "interesting"),
  a: () => label(state.selected, "artefact"),
  k: () => label(state.selected, "known"),
  c: () => label(state.selected, ""),
  u: undo,
  "?": () => element("help").showModal(),
  ArrowLeft: () => move(-1),
  ArrowRight: () => move(1),
  ArrowUp: () => move(-perLine),
  ArrowDown: () => move(perLine),
  Home: () => move(-total),
  End: () => move(total),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || element("help").open) return;
  if (event.key === "Escape") list.focus();
  if (event.target.matches("select, input:not([type=checkbox])")) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

let isResizing = false;
new ResizeObserver(() => {
  if (isResizing) return;
  isResizing = true;
  requestAnimationFrame(() => {
    isResizing = false;
    layOut();
    drawScatter();
  });
}).observe(list);

[scatter.x, scatter.y] = data.axes;
const greeting = readStore();
fillMenus();
showDirection();
updateView();
fillCount();
select(state.view.length ? state.view[0] : 0, false);
element("legend").textContent =
  "Squares: interesting. Crosses: artefact. Triangles: known. Faint: not in the list. " +
  "Values far out are drawn at the edge.";
say(greeting || "Press ? for the keys.");
list.focus({ preventScroll: true });
requestAnimationFrame(() => setTimeout(() => performance.mark("astrovae-ready"), 0));
