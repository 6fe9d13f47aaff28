// A button that puts a text on the clipboard, as it was written.
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  parentElement.querySelector(".note").textContent = data.note;
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
    if (navigator.clipboard) return navigator.clipboard.writeText(data.text);
    // Outside localhost and HTTPS browsers have no clipboard API.
    const area = document.createElement("textarea");
    area.value = data.text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("The browser did not copy.");
  };

  button.onclick = () => copy().then(() => say(true), () => say(false));
  return () => clearTimeout(timer);
}
