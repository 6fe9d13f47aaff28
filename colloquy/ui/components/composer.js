// Helps with typing in the message input: suggests what can follow a "/", stops the running answer on Escape, and sends
// nothing while a file is shown as refused. Puts the text of a message that was not sent back into the input.
const INPUT = '[data-testid="stChatInputTextArea"]';
const SEND = '[data-testid="stChatInputSubmitButton"]';
const REFUSED = '[data-testid="stFileChip"][aria-invalid="true"]';
const STOP = '.st-key-composer [class*="st-key-stop-"] button';
const LIST = "colloquy-commands";

export default function ({ data }) {
  window.colloquyAssist?.(); // the listeners for earlier commands are not cleaned up automatically
  let list = null;
  let options = [];
  let place = 0;
  let notice = null;

  const input = () => document.querySelector(INPUT);
  const composer = () => document.querySelector(".st-key-composer");

  const close = () => {
    list?.remove();
    list = null;
    options = [];
    for (const name of ["aria-controls", "aria-activedescendant", "aria-haspopup"]) input()?.removeAttribute(name);
  };

  const mark = () => {
    options.forEach(({ row }, number) => row.setAttribute("aria-selected", String(number === place)));
    const chosen = options[place]?.row;
    if (!chosen) return;
    chosen.scrollIntoView({ block: "nearest" });
    input()?.setAttribute("aria-activedescendant", chosen.id);
  };

  const write = (field, text) => {
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(field, text);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.setSelectionRange(text.length, text.length);
  };

  const choose = (number) => {
    const { text } = options[number];
    close();
    const field = input();
    field.focus();
    write(field, text);
  };

  const putBack = () => {
    const [text, number] = data.returned ?? [];
    const field = input();
    if (!text || !field || number <= (window.colloquyReturned ?? 0)) return;
    window.colloquyReturned = number;
    write(field, field.value ? `${text}\n${field.value}` : text);
  };

  const offer = (typed) => {
    close();
    const fitting = data.commands.filter(({ name, text }) => !text || name.startsWith(typed.toLowerCase()));
    if (!/^\/\w*$/.test(typed) || !fitting.length) return;
    list = document.createElement("ul");
    list.id = LIST;
    list.className = LIST;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Commands");
    fitting.forEach(({ name, about, text }, number) => {
      const row = document.createElement("li");
      row.id = `${LIST}-${number}`;
      const words = document.createElement("span");
      words.textContent = about;
      if (text) {
        row.setAttribute("role", "option");
        const code = document.createElement("code");
        code.textContent = name;
        row.append(code);
        const at = options.push({ row, text }) - 1;
        row.onpointerdown = (event) => event.preventDefault(); // the input keeps the focus
        row.onclick = () => choose(at);
      }
      row.append(words);
      list.append(row);
    });
    composer()?.prepend(list);
    place = 0;
    input()?.setAttribute("aria-haspopup", "listbox");
    input()?.setAttribute("aria-controls", LIST);
    mark();
  };

  const say = (text) => {
    notice?.remove();
    notice = null;
    if (!text) return;
    notice = document.createElement("p");
    notice.className = "colloquy-refused";
    notice.setAttribute("role", "alert");
    notice.textContent = text;
    composer()?.prepend(notice);
  };

  // Streamlit would send the message without the file.
  const holdBack = (event) => {
    const refused = [...(composer()?.querySelectorAll(REFUSED) ?? [])];
    if (!refused.length) return say("");
    event.preventDefault();
    event.stopPropagation();
    const why = (chip) => (document.getElementById(chip.getAttribute("aria-describedby"))?.textContent ?? "").replace(/^Error: ?/, "");
    const name = (chip) => chip.querySelector('[data-testid="stFileChipName"]')?.title ?? "A file";
    say(`${refused.map((chip) => `${name(chip)} was not attached: ${why(chip)}`).join(" ")} Remove ${refused.length > 1 ? "them" : "it"} to send the message.`);
  };

  const onKey = (event) => {
    const { key, target, isComposing, shiftKey } = event;
    const isOurs = target.matches?.(INPUT);
    if (isComposing || !(isOurs || (key === "Escape" && target === document.body))) return;
    const take = () => {
      event.preventDefault();
      event.stopPropagation();
    };
    if (key === "Escape") {
      if (list) return take(), close();
      const stop = document.querySelector(STOP);
      if (stop) return take(), stop.click();
    } else if (list && options.length && (key === "ArrowDown" || key === "ArrowUp")) {
      take();
      place = (place + (key === "ArrowDown" ? 1 : options.length - 1)) % options.length;
      mark();
    } else if (list && options.length && (key === "Tab" || (key === "Enter" && !shiftKey))) {
      take();
      choose(place);
    } else if (key === "Enter" && !shiftKey) {
      holdBack(event);
    }
  };
  const onInput = ({ target }) => target.matches?.(INPUT) && offer(target.value);
  const onClick = (event) => {
    if (event.target.closest?.(SEND)) holdBack(event);
    else if (notice && event.target.closest?.('[data-testid="stFileChipDeleteBtn"]')) say("");
  };
  const onBlur = ({ target }) => target.matches?.(INPUT) && close();

  const watched = [
    ["keydown", onKey],
    ["input", onInput],
    ["click", onClick],
    ["focusout", onBlur],
  ];
  // Runs before the page's listeners, which are on descendants of the document.
  for (const [name, listener] of watched) document.addEventListener(name, listener, true);
  const leave = () => {
    for (const [name, listener] of watched) document.removeEventListener(name, listener, true);
    close();
    say("");
  };
  window.colloquyAssist = leave;
  if (input() && document.activeElement === input()) offer(input().value);
  putBack();
  return leave;
}
