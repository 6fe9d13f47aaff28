// Bars by name, each a button that opens the conversations behind it.
const make = (kind, name, text = "") => {
  const made = document.createElement(kind);
  if (name) made.className = name;
  made.textContent = text;
  return made;
};

const button = (name, text, picked) => {
  const made = make("button", name, text);
  made.type = "button";
  made.dataset.picked = JSON.stringify(picked);
  return made;
};

// Failures are red, the other parts have the theme's colors in order.
const colours = (parts) => {
  const others = parts.filter((part) => part !== "Failed");
  return parts.map((part) => (part === "Failed" ? part : others.indexOf(part)));
};

const swatch = (kind, colour) => {
  const made = make(kind);
  made.dataset.part = colour;
  return made;
};

const drawRow = (row, parts) => {
  const item = make("li");
  item.title = row.note;
  item.append(button("name", row.label, { name: row.name, failed: false }), make("span", "value", row.value));
  if (row.failures) item.append(button("failures", row.failures, { name: row.name, failed: true }));
  const bar = make("span", "bar");
  row.parts.forEach((size, place) => {
    const part = swatch("span", parts[place]);
    part.style.width = `${100 * size}%`;
    bar.append(part);
  });
  item.append(bar);
  return item;
};

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector(".bars");
  list.onclick = ({ target }) => {
    const { picked } = target.closest("[data-picked]")?.dataset ?? {};
    if (picked) setTriggerValue("picked", JSON.parse(picked));
  };
  // Existing elements stay, and keep the focus.
  const told = JSON.stringify(data);
  if (list.told === told) return;
  list.told = told;
  list.setAttribute("aria-label", data.title);
  const parts = colours(data.parts);
  list.replaceChildren(...data.rows.map((row) => drawRow(row, parts)));
  const legend = data.parts.length < 2 ? [] : data.parts.map((name, place) => {
    const entry = make("span", "", name);
    entry.prepend(swatch("i", parts[place]));
    return entry;
  });
  parentElement.querySelector(".legend").replaceChildren(...legend);
}
