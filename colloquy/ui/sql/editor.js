// The query editor. It reports its text when it loses the focus or the query is run, like any field.
const remembered = new WeakMap();

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const place = parentElement.querySelector(".sql-editor");
  const memory = remembered.get(place) ?? { editor: null, number: data.number, told: data.text, latest: null };
  remembered.set(place, memory);
  const before = memory.latest;
  memory.latest = { data, setStateValue, setTriggerValue };

  const tell = () => {
    const text = memory.editor.text();
    if (text === memory.told) return;
    memory.told = text;
    memory.latest.setStateValue("sql", { text, at: Date.now() });
  };
  const take = () => {
    const wanted = memory.latest.data;
    if (wanted.number !== memory.number) {
      memory.number = wanted.number;
      memory.told = wanted.text;
      memory.editor.put(wanted.text);
    }
  };

  if (before) {
    if (memory.editor) take();
    return;
  }
  import(new URL(data.script, document.baseURI).href)
    .then(({ openEditor }) => {
      const now = memory.latest.data;
      memory.number = now.number;
      memory.told = now.text;
      memory.editor = openEditor(place, {
        text: now.text,
        label: now.label,
        hint: now.hint,
        schema: now.schema,
        said: () => {},
        run: (text) => {
          memory.told = text;
          memory.latest.setTriggerValue("run", { text, at: Date.now() });
        },
      });
      const isTyping = document.activeElement?.matches("input, textarea, select, [contenteditable]");
      // No focus on devices where it would open an on-screen keyboard.
      if (!isTyping && matchMedia("(hover: hover) and (pointer: fine)").matches) memory.editor.focus();
      place.addEventListener("focusout", (event) => place.contains(event.relatedTarget) || tell());
    })
    .catch(() => {
      place.classList.add("failed");
      place.textContent = "The editor could not be loaded. Reload the page.";
    });
  return () => {
    memory.editor?.close();
    remembered.delete(place);
  };
}
