// Below a message: a note, a button that copies the message as it was written, one more button where the page has use for
// it, and what the person thinks of the message.
const remembered = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const find = (selector) => parentElement.querySelector(selector);
  // The page is drawn again while one writes or clicks: what was not sent by the server anew stays as the person left it.
  const memory = remembered.get(parentElement) ?? { given: null, score: null, comment: "" };
  remembered.set(parentElement, memory);

  find(".note").textContent = data.note;
  const stopCopying = offerCopy(find(".copy"), data.text);
  const act = find(".act");
  act.hidden = !data.action;
  act.textContent = data.action;
  act.onclick = () => setTriggerValue("act", true);

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
    event.stopPropagation(); // a letter here is no shortcut of the page
  };
  draw();
  return stopCopying;
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
    // Outside localhost and HTTPS browsers have no clipboard API.
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
