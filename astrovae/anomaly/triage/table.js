// The table that the page was made with, and its thumbnails.
const data = JSON.parse(document.getElementById("data").textContent);
const total = data.id.length;
const columns = new Map(data.columns.map((column) => [column.name, column]));
const THUMBNAILS_PER_PART = 100;
const parts = new Map();

// The data URI of a galaxy's picture, or null; a part is parsed on first use.
function picture(row) {
  const part = Math.floor(row / THUMBNAILS_PER_PART);
  if (!parts.has(part)) {
    parts.set(part, JSON.parse(document.getElementById("thumbnails-" + part).textContent));
  }
  const text = parts.get(part)[row % THUMBNAILS_PER_PART];
  return text ? "data:image/jpeg;base64," + text : null;
}

// An element; texts are never read as HTML.
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function makePicture(row) {
  const source = picture(row);
  if (!source) return make("span", { class: "picture" }, "no image");
  return make("img", { class: "picture", src: source, alt: "" });
}

function format(value) {
  if (value === null || value === undefined) return "\u2013";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return String(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}
