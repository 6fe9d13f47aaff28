// The figures at the top of the page, each a button that opens the conversations behind it.
export default function ({ data, parentElement, setTriggerValue }) {
  const grid = parentElement.querySelector(".figures");
  const buttons = data.figures.map((figure) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.name = figure.name;
    button.title = figure.note;
    for (const part of ["title", "value", "change", "detail"]) {
      const line = document.createElement("span");
      line.className = part;
      line.textContent = figure[part];
      if (part === "change") line.dataset.tone = figure.tone;
      button.append(line);
    }
    button.onclick = () => setTriggerValue("picked", figure.name);
    return button;
  });
  grid.replaceChildren(...buttons);
}
