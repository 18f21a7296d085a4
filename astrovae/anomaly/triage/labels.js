// Labels: in memory, in this browser's storage, and as a file.
const LABELS = ["interesting", "artefact", "known"];
const STORE = "astrovae-triage-" + data.key;
const labels = data.label.slice();
const history = [];

// Labels given by file are newer than what this browser kept from before
// that file, and older than what was labelled since.
function readStore() {
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem(STORE));
  } catch (error) {
    return "Labels cannot be kept in this browser (" + error.name + "): export them before you leave.";
  }
  if (!kept || typeof kept.labels !== "object") return "";
  let restored = 0;
  for (let row = 0; row < total; row++) {
    const own = kept.labels[data.id[row]];
    if (own === undefined || (own !== "" && !LABELS.includes(own))) continue;
    if (kept.base !== data.base && data.label[row]) continue;
    if (own !== labels[row]) restored++;
    labels[row] = own;
  }
  return restored ? restored + " labels of this browser were taken up again." : "";
}

function writeStore() {
  const changed = {};
  for (let row = 0; row < total; row++) {
    if (labels[row] !== data.label[row]) changed[data.id[row]] = labels[row];
  }
  try {
    localStorage.setItem(STORE, JSON.stringify({ base: data.base, labels: changed }));
  } catch (error) {
    return " It cannot be kept in this browser (" + error.name + "): export it before you leave.";
  }
  return "";
}

function setLabel(row, label) {
  history.push([row, labels[row]]);
  labels[row] = label;
  return writeStore();
}

// The row whose label was taken back, or null.
function undoLabel() {
  const last = history.pop();
  if (!last) return null;
  labels[last[0]] = last[1];
  writeStore();
  return last[0];
}

function forgetLabels() {
  labels.splice(0, total, ...data.label);
  history.length = 0;
  try {
    localStorage.removeItem(STORE);
  } catch {
    return "This browser keeps no labels.";
  }
  return "The labels are those that the page was made with.";
}

// An ECSV table, as astropy reads it: https://github.com/astropy/astropy-APEs
function labelsAsEcsv() {
  const quote = (text) => '"' + text.replaceAll('"', '""') + '"';
  const scores = columns.get("score").values;
  const lines = [
    "# %ECSV 1.0",
    "# ---",
    "# delimiter: ','",
    "# datatype:",
    "# - {name: id, datatype: string}",
    "# - {name: label, datatype: string}",
    "# - {name: rank, datatype: int64}",
    "# - {name: score, datatype: float64}",
    "# meta: !!omap",
    "# - {source_sha256: '" + data.key + "'}",
    "# schema: astropy-2.0",
    "id,label,rank,score",
  ];
  for (let row = 0; row < total; row++) {
    if (!labels[row]) continue;
    const score = scores[row] === null ? "nan" : scores[row];
    lines.push([quote(data.id[row]), labels[row], row + 1, score].join(","));
  }
  return lines.join("\n") + "\n";
}

function exportLabels() {
  const url = URL.createObjectURL(new Blob([labelsAsEcsv()], { type: "text/plain" }));
  const link = make("a", { href: url, download: "labels.ecsv" });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
