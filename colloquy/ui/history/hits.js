// The matches of a search.
export default function ({ data, parentElement, setTriggerValue }) {
  const make = (tag, name, ...children) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.append(...children);
    return element;
  };

  const list = parentElement.querySelector("ol");
  list.className = "history-hits";
  list.replaceChildren(
    ...data.hits.map((hit) => {
      const link = make("a", "", hit.title);
      link.href = hit.href;
      link.onclick = (event) => {
        if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        setTriggerValue("opened", hit.href);
      };
      const excerpt = hit.pieces.map(([text, marked]) => (marked ? make("mark", "", text) : text));
      const facts = make("span", "facts", `${hit.kind} · ${hit.when}`);
      return make("li", "", make("div", "", link, facts), make("p", "", ...excerpt));
    }),
  );
}
