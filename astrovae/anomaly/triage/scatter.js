// Any two columns against each other.
const plot = document.getElementById("plot");
const canvas = plot.querySelector("canvas");
const tip = document.getElementById("tip");
const MARGIN = { left: 58, right: 12, top: 8, bottom: 40 };
const NEAR = 14; // pixels from the pointer to a point
const scatter = { x: null, y: null, points: [] };

// The range of nearly all values; single ones far out are drawn at its edge.
function rangeOf(values) {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (!known.length) return [0, 1];
  const at = (share) => known[Math.round(share * (known.length - 1))];
  const reach = 0.75 * (at(0.99) - at(0.01));
  let low = Math.max(known[0], at(0.01) - reach);
  let high = Math.min(known[known.length - 1], at(0.99) + reach);
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const margin = 0.04 * (high - low);
  return [low - margin, high + margin];
}

function ticksOf([low, high]) {
  const raw = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= raw) * power;
  const ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) {
    ticks.push(Number((i * step).toPrecision(8)));
  }
  return ticks;
}

function project(value, [low, high], start, end) {
  const inside = Math.min(Math.max(value, low), high);
  return start + ((inside - low) / (high - low)) * (end - start);
}

function drawScatter() {
  const width = plot.clientWidth;
  const height = plot.clientHeight;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue("--" + name);
  const box = [MARGIN.left, width - MARGIN.right, height - MARGIN.bottom, MARGIN.top];
  const x = columns.get(scatter.x);
  const y = columns.get(scatter.y);
  x.range ||= rangeOf(x.values);
  y.range ||= rangeOf(y.values);
  drawAxes(pen, box, x, y, colour);
  scatter.points = [];
  const dots = { rest: [], plain: [], known: [], artefact: [], interesting: [] };
  for (let row = 0; row < total; row++) {
    if (x.values[row] === null || y.values[row] === null) continue;
    const point = {
      row,
      x: project(x.values[row], x.range, box[0], box[1]),
      y: project(y.values[row], y.range, box[2], box[3]),
    };
    const isShown = state.place.has(row);
    if (isShown) scatter.points.push(point);
    dots[isShown ? labels[row] || "plain" : "rest"].push(point);
  }
  for (const [kind, points] of Object.entries(dots)) {
    drawDots(pen, points, kind, colour(kind === "rest" || kind === "plain" ? "dot" : kind));
  }
  const chosen = [...scatter.points, ...dots.rest].find((point) => point.row === state.selected);
  if (chosen) {
    pen.strokeStyle = colour("focus");
    pen.lineWidth = 3;
    pen.beginPath();
    pen.arc(chosen.x, chosen.y, 9, 0, 2 * Math.PI);
    pen.stroke();
  }
  canvas.setAttribute("aria-label", y.label + " against " + x.label + " of " +
    scatter.points.length + " galaxies; the list has the same galaxies for the keyboard");
}

// Labels differ in shape, too: square interesting, cross artefact, triangle known.
function drawDots(pen, points, kind, colour) {
  pen.fillStyle = pen.strokeStyle = colour;
  pen.globalAlpha = { rest: 0.15, plain: 0.6 }[kind] || 1;
  pen.lineWidth = 2;
  for (const { x, y } of points) {
    pen.beginPath();
    if (kind === "interesting") pen.rect(x - 4.5, y - 4.5, 9, 9);
    else if (kind === "known") {
      pen.moveTo(x - 5, y + 4);
      pen.lineTo(x + 5, y + 4);
      pen.lineTo(x, y - 5);
    } else if (kind === "artefact") {
      pen.moveTo(x - 4, y - 4);
      pen.lineTo(x + 4, y + 4);
      pen.moveTo(x - 4, y + 4);
      pen.lineTo(x + 4, y - 4);
      pen.stroke();
      continue;
    } else pen.arc(x, y, 2.5, 0, 2 * Math.PI);
    pen.fill();
  }
  pen.globalAlpha = 1;
}

function drawAxes(pen, [left, right, bottom, top], x, y, colour) {
  pen.font = "12px " + getComputedStyle(document.body).fontFamily;
  pen.fillStyle = colour("quiet");
  pen.strokeStyle = colour("line");
  pen.lineWidth = 1;
  pen.strokeRect(left + 0.5, top + 0.5, right - left, bottom - top);
  pen.textAlign = "center";
  for (const tick of ticksOf(x.range)) {
    const at = project(tick, x.range, left, right);
    pen.fillText(format(tick), at, bottom + 15);
    pen.fillRect(at, bottom, 1, 4);
  }
  pen.fillText(x.label, (left + right) / 2, bottom + 33);
  pen.textAlign = "right";
  for (const tick of ticksOf(y.range)) {
    const at = project(tick, y.range, bottom, top);
    pen.fillText(format(tick), left - 7, at + 4);
    pen.fillRect(left - 4, at, 4, 1);
  }
  pen.save();
  pen.translate(13, (top + bottom) / 2);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "center";
  pen.fillText(y.label, 0, 0);
  pen.restore();
}

// The row of the point next to the pointer, or null.
function pointAt(event) {
  const frame = canvas.getBoundingClientRect();
  let best = null;
  let nearest = NEAR ** 2;
  for (const point of scatter.points) {
    const distance =
      (point.x - event.clientX + frame.left) ** 2 + (point.y - event.clientY + frame.top) ** 2;
    if (distance < nearest) [best, nearest] = [point, distance];
  }
  return best;
}

canvas.addEventListener("mousemove", (event) => {
  const point = pointAt(event);
  tip.hidden = !point;
  if (!point || tip.dataset.row === String(point.row)) return;
  tip.dataset.row = point.row;
  const image = tip.querySelector("img");
  const source = picture(point.row);
  if (source) image.src = source;
  else image.removeAttribute("src");
  tip.querySelector("span").textContent = data.id[point.row];
  const isRight = point.x > plot.clientWidth / 2;
  tip.style.left = (isRight ? point.x - 140 : point.x + 14) + "px";
  tip.style.top = Math.min(Math.max(point.y - 70, 0), plot.clientHeight - 150) + "px";
});
canvas.addEventListener("mouseleave", () => {
  tip.hidden = true;
});
