// What is typed while the input of a new chat gives way to that of the session that it became goes on in the latter.
const INPUT = '[data-testid="stChatInputTextArea"]';
const SEND = '[data-testid="stChatInputSubmitButton"]';
const PATIENCE = 10000;

export default function () {
  const onKey = ({ target, key, shiftKey, isComposing }) => {
    if (key === "Enter" && !shiftKey && !isComposing && target.matches(INPUT)) carryOver(target);
  };
  const onClick = ({ target }) => {
    if (target.closest(SEND)) carryOver(document.querySelector(INPUT));
  };
  document.addEventListener("keydown", onKey, true);
  document.addEventListener("click", onClick, true);
  return () => {
    document.removeEventListener("keydown", onKey, true);
    document.removeEventListener("click", onClick, true);
  };
}

function carryOver(old) {
  const hadFocus = document.activeElement === old;
  const observer = new MutationObserver(() => {
    const input = document.querySelector(INPUT);
    if (old.isConnected || !input) return;
    stop();
    if (old.value && !input.value) type(input, old.value);
    if (hadFocus && document.activeElement === document.body) input.focus({ preventScroll: true });
  });
  const timer = setTimeout(() => stop(), PATIENCE);
  const stop = () => {
    observer.disconnect();
    clearTimeout(timer);
  };
  observer.observe(document.body, { childList: true, subtree: true });
}

// React takes a value for typed only if it is not set through the property that it has put over the browser's.
function type(input, text) {
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(input, text);
  input.dispatchEvent(new Event("input", { bubbles: true }));
}
