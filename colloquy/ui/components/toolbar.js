// The toolbar below a message: a note, its versions if there are several, a button that copies the original text, other
// actions, and the user's rating.
const remembered = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const find = (selector) => parentElement.querySelector(selector);
  // The page may be redrawn while the user types or clicks: what the server has not sent anew stays as the user left
  // it.
  const memory = remembered.get(parentElement) ?? { given: null, score: null, comment: "" };
  remembered.set(parentElement, memory);

  find(".note").textContent = data.note;
  const stopCopying = offerCopy(find(".copy"), data.text);
  offerActions(find(".acts"), data.actions ?? [], setTriggerValue);
  offerVersions(find(".versions"), data.version ?? 1, data.versions ?? 1, setTriggerValue);

  const rating = find(".rating");
  const form = find("form");
  const field = find("input");
  const said = find(".said");
  const comment = find(".say");
  const thumbs = [...rating.querySelectorAll("[data-score]")];
  rating.hidden = !data.rated;
  if (!data.rated) return stopCopying;

  const given = JSON.stringify([data.score, data.comment]);
  if (given !== memory.given) Object.assign(memory, { given, score: data.score, comment: data.comment });

  const draw = () => {
    for (const thumb of thumbs) thumb.setAttribute("aria-pressed", String(Number(thumb.dataset.score) === memory.score));
    comment.hidden = !form.hidden || (memory.score === null && !memory.comment);
    comment.textContent = memory.comment ? "Change comment" : "Add a comment";
    said.hidden = !memory.comment || !form.hidden;
    said.textContent = memory.comment ? `“${memory.comment}”` : "";
  };
  const keep = (change) => {
    Object.assign(memory, change);
    draw();
    setTriggerValue("rating", { score: memory.score, comment: memory.comment });
  };
  const close = () => {
    form.hidden = true;
    draw();
    comment.focus();
  };

  for (const thumb of thumbs) {
    const score = Number(thumb.dataset.score);
    thumb.onclick = () => keep({ score: memory.score === score ? null : score });
  }
  comment.onclick = () => {
    form.hidden = false;
    field.value = memory.comment;
    draw();
    field.focus();
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    keep({ comment: field.value.trim() });
    close();
  };
  field.onkeydown = (event) => {
    if (event.key === "Escape") close();
    event.stopPropagation(); // letters typed here are not shortcuts of the page
  };
  draw();
  return stopCopying;
}

function offerActions(place, labels, setTriggerValue) {
  // A focused button keeps the focus while the page is redrawn.
  while (place.children.length > labels.length) place.lastChild.remove();
  while (place.children.length < labels.length) {
    place.append(Object.assign(document.createElement("button"), { type: "button", className: "act" }));
  }
  labels.forEach((label, number) => {
    const button = place.children[number];
    button.textContent = label;
    button.onclick = ({ detail }) => detail < 2 && setTriggerValue("act", label); // only the first of two quick clicks
  });
}

function offerVersions(place, version, versions, setTriggerValue) {
  place.hidden = versions < 2;
  const [earlier, later] = place.querySelectorAll("button");
  place.querySelector(".which").textContent = `${version}/${versions}`;
  place.setAttribute("aria-label", `Version ${version} of ${versions}`);
  earlier.disabled = version <= 1;
  later.disabled = version >= versions;
  earlier.onclick = () => setTriggerValue("act", -1);
  later.onclick = () => setTriggerValue("act", 1);
}

function offerCopy(button, text) {
  let timer;

  const say = (done) => {
    button.dataset.state = done ? "copied" : "failed";
    button.setAttribute("aria-label", done ? "Copied" : "Copying failed");
    clearTimeout(timer);
    timer = setTimeout(() => {
      delete button.dataset.state;
      button.setAttribute("aria-label", "Copy message");
    }, 1500);
  };

  const copy = async () => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Outside localhost and HTTPS, browsers provide no clipboard API.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("The browser did not copy.");
  };

  button.onclick = () => copy().then(() => say(true), () => say(false));
  return () => clearTimeout(timer);
}
