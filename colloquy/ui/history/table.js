// A page of the list of conversations. Rows are links and can be selected; headers sort.
const remembered = new WeakMap();
const NUMBERS = new Set(["messages", "tokens", "cost"]);
const UNITS = { messages: ["message", "messages"], tokens: ["token", "tokens"] };
const UP = "M7 10v10H4V10zM7 10l4-7a2 2 0 0 1 2 2v4h5.5a2 2 0 0 1 2 2.4l-1.3 7A2 2 0 0 1 17.2 20H7";
const DOWN = "M17 14V4h3v10zM17 14l-4 7a2 2 0 0 1-2-2v-4H5.5a2 2 0 0 1-2-2.4l1.3-7A2 2 0 0 1 6.8 4H17";

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const memory = remembered.get(parentElement) ?? { drawn: "", selected: "", sent: [], picked: new Set(), last: null };
  remembered.set(parentElement, memory);
  const head = parentElement.querySelector("thead tr");
  const body = parentElement.querySelector("tbody");

  const boxes = () => [...body.querySelectorAll('input[type="checkbox"]')];
  const all = () => head.querySelector('input[type="checkbox"]');
  const tick = () => {
    for (const box of boxes()) {
      box.checked = memory.picked.has(box.value);
      box.closest("tr").classList.toggle("picked", box.checked);
    }
    const number = boxes().filter((box) => box.checked).length;
    all().checked = number > 0 && number === boxes().length;
    all().indeterminate = number > 0 && number < boxes().length;
  };
  const pick = (refs, picked) => {
    for (const ref of refs) picked ? memory.picked.add(ref) : memory.picked.delete(ref);
    tick();
    const now = boxes().map((box) => box.value).filter((ref) => memory.picked.has(ref));
    memory.sent.push(JSON.stringify(now));
    setStateValue("selected", now);
  };

  const header = (column) => {
    const sorted = data.sort === column.id ? (data.descending ? "descending" : "ascending") : undefined;
    const button = make("button", { type: "button", "data-sort": column.id }, column.name);
    if (sorted) button.append(make("span", { "aria-hidden": "true" }, data.descending ? " ↓" : " ↑"));
    button.onclick = () => setTriggerValue("sorted", column.id);
    const kind = NUMBERS.has(column.id) ? "number" : undefined;
    return make("th", { role: "columnheader", scope: "col", class: kind, "aria-sort": sorted }, button);
  };

  const title = (row) => {
    const link = make("a", { href: row.href, title: row.cells.title }, row.cells.title);
    link.onclick = (event) => {
      if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      setTriggerValue("opened", row.ref);
    };
    const cell = make("td", { role: "cell", class: "title" }, link);
    const extras = row.tags.map((tag) => make("b", {}, tag));
    if (row.saved) extras.unshift(make("i", {}, "Saved"));
    if (row.note) extras.push(make("em", { title: row.note }, row.note));
    if (row.at || row.error) {
      const about = [row.at && make("time", {}, row.at), row.error && make("span", { title: row.error }, row.error)];
      cell.append(make("div", { class: "about" }, ...about.filter(Boolean)));
    }
    if (extras.length) cell.append(make("div", { class: "extras" }, ...extras));
    return cell;
  };

  const feedback = (row) => {
    const cell = make("td", { role: "cell", class: "feedback" });
    for (const [number, path, name] of [[row.up, UP, "good"], [row.down, DOWN, "bad"]]) {
      if (!number) continue;
      const svg = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${path}"/></svg>`;
      const thumb = make("span", { title: `${number} ${name}`, "aria-label": `${number} ${name}` });
      thumb.innerHTML = svg;
      thumb.append(String(number));
      cell.append(thumb);
    }
    return cell;
  };

  const cell = (column, row) => {
    if (column.id === "title") return title(row);
    if (column.id === "feedback") return feedback(row);
    const text = row.cells[column.id] ?? "";
    const classes = [column.id, NUMBERS.has(column.id) ? "number" : "", text ? "" : "empty"].filter(Boolean).join(" ");
    const made = make("td", { role: "cell", class: classes, title: text.length > 14 ? text : undefined });
    if (column.id === "status" && text) made.append(make("span", { class: `state ${row.status}` }, text));
    else made.append(text);
    if (column.id === "updated") made.title = row.begun === row.last ? row.last : `${row.begun} to ${row.last}`;
    if (UNITS[column.id]) made.dataset.unit = UNITS[column.id][text === "1" ? 0 : 1];
    return made;
  };

  const line = (row) => {
    const box = make("input", { type: "checkbox", value: row.ref, "aria-label": `Select ${row.cells.title}` });
    box.onclick = (event) => {
      const refs = boxes().map((one) => one.value);
      const [from, to] = [refs.indexOf(memory.last), refs.indexOf(row.ref)];
      const several = event.shiftKey && from >= 0 ? refs.slice(Math.min(from, to), Math.max(from, to) + 1) : [row.ref];
      memory.last = row.ref;
      pick(several, box.checked);
    };
    const first = make("td", { role: "cell", class: "pick" }, make("label", {}, box));
    return make("tr", { role: "row" }, first, ...data.columns.map((column) => cell(column, row)));
  };

  const drawn = JSON.stringify([data.columns, data.rows, data.sort, data.descending]);
  const isNew = drawn !== memory.drawn;
  if (isNew) {
    const focused = parentElement.contains(document.activeElement) ? document.activeElement.dataset.sort : null;
    const every = make("input", { type: "checkbox", "aria-label": "Select all on this page" });
    every.onclick = () => pick(boxes().map((box) => box.value), every.checked);
    head.replaceChildren(
      make("th", { role: "columnheader", scope: "col", class: "pick" }, make("label", {}, every)),
      ...data.columns.map(header),
    );
    body.replaceChildren(...data.rows.map(line));
    memory.drawn = drawn;
    if (focused) head.querySelector(`[data-sort="${focused}"]`)?.focus();
  }
  // The server's selection may echo an earlier click than the last one: it counts only if it is no such echo.
  const selected = JSON.stringify(data.selected);
  const answered = memory.sent.indexOf(selected);
  if (answered >= 0) memory.sent.splice(0, answered + 1);
  else if (isNew || selected !== memory.selected) {
    memory.picked = new Set(data.selected);
    memory.sent = [];
  }
  memory.selected = selected;
  tick();

  // The arrow keys up and down move from row to row.
  body.onkeydown = (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const links = [...body.querySelectorAll("a")];
    const row = event.target.closest("tr");
    const next = links[[...body.children].indexOf(row) + (event.key === "ArrowDown" ? 1 : -1)];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };
}
