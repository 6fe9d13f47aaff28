// Directs typed text to the message input of the chat that is open, or about to open. The input gets the focus when the
// page was loaded, a new chat was begun or a chat was opened. An invisible field holds what is typed before the input
// exists, because only a field handles input methods, dead keys and pasting correctly. The unsent text of a chat is
// restored when the user returns to the chat. Where the focus would open an on-screen keyboard, the script sets none and
// holds nothing.
{
  const [page] = JSON.parse(document.currentScript.dataset.told);
  const INPUT = '[data-testid="stChatInputTextArea"]';
  const SEND = '[data-testid="stChatInputSubmitButton"]';
  const SIDEBAR = '[data-testid="stSidebar"]';
  const STARTERS = ".st-key-new-chat, .st-key-ask-sample-shop, [class*='st-key-draft-agent-']"; // after these the input of a new chat comes, or stays
  const OPENERS = `${SIDEBAR} .st-key-new-chat button, ${SIDEBAR} [class*="st-key-open-"] button, [class*="st-key-prompt-"] button, .st-key-ask-sample-shop button, [class*="st-key-draft-agent-"] button`;
  const KEY = /st-key-(input-[^\s"]+)/;
  const EDITORS = '[class*="st-key-edited-"] textarea';
  const SEND_AGAIN = '[data-testid="stForm"] [class*="st-key-again-"] button';
  const NAME = '[role="dialog"] .st-key-new-workspace-name input';
  const LEAVE = '[data-testid="stForm"] [class*="st-key-leave-"] button';
  const PATIENCE = 15000;

  const hasKeyboard = () => matchMedia("(hover: hover) and (pointer: fine)").matches;
  const keyOf = (input) => KEY.exec(input.closest('[class*="st-key-input-"]')?.className ?? "")?.[1] ?? "";
  const drafts = new Map();
  let known = null; // the input that is, or was last, on the page
  let focused = null; // the element that had the focus last
  let sentFrom = null; // the input of the new chat whose first message was sent
  let sendsUntil = 0; // until when a second message sent from there waits for the chat
  let holder = null;
  let wanted = null; // the key of the input to come; null for any other than the known one
  let editor = null;
  let named = null; // the name field in the dialog that adds a workspace
  let timer;

  const hold = (key) => {
    if (!hasKeyboard()) return;
    wanted = key;
    clearTimeout(timer);
    timer = setTimeout(letGo, PATIENCE);
    if (!holder) {
      holder = document.createElement("textarea");
      holder.setAttribute("aria-label", "Write a message");
      holder.style.cssText = "position: fixed; top: 0; left: 0; width: 1px; height: 1px; opacity: 0; pointer-events: none;";
      // Enter must not send anything to a chat that is not visible yet.
      holder.addEventListener("keydown", (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing && event.preventDefault());
      holder.addEventListener("compositionend", () => setTimeout(look));
      holder.addEventListener("compositionstart", () => (holder.dataset.composing = "yes"));
      holder.addEventListener("compositionend", () => delete holder.dataset.composing);
      document.body.append(holder);
    }
    holder.focus({ preventScroll: true });
  };

  const letGo = () => {
    clearTimeout(timer);
    holder?.remove();
    holder = null;
    wanted = null;
  };

  // React recognizes a value as typed only if it is not set through React's own property, which hides the browser's.
  const type = (input, text) => {
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(input, text);
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.setSelectionRange(text.length, text.length);
  };

  // Text typed while the first message of a new chat is being sent belongs to the chat that it becomes.
  const isCarried = (input) => input === sentFrom && wanted === null;

  const leave = (input) => {
    if (input.value && !isCarried(input)) drafts.set(input.dataset.key, input.value);
    if (focused === input && document.activeElement === document.body) hold(wanted);
  };

  const arrive = (input) => {
    const key = keyOf(input);
    let gap = ""; // between a draft and new words; text typed without a break stays together
    if (input !== known) {
      const carried = known && isCarried(known) ? known.value : "";
      const text = input.value || carried || drafts.get(key) || "";
      if (text && !input.value && !carried) gap = " ";
      drafts.delete(key);
      sentFrom = null;
      if (text !== input.value) type(input, text);
    }
    known = input;
    known.dataset.key = key;
    const held = holder?.value ?? "";
    const active = document.activeElement;
    const isFree = active === holder || !active?.matches("input, textarea, select, [contenteditable]");
    if (held) type(input, input.value + gap + held);
    letGo();
    if (isFree && hasKeyboard() && !document.querySelector('[role="dialog"]')) input.focus({ preventScroll: true });
  };

  // A second message goes to the chat that the first one begins, not to another new chat. If the first one was refused,
  // no chat comes.
  const sendNext = () => {
    const input = document.querySelector(INPUT);
    const isOver = document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "notRunning";
    const isLate = Date.now() > sendsUntil;
    if (!isLate && (!input || (input === sentFrom && !isOver))) return setTimeout(sendNext, 50);
    sendsUntil = 0;
    sentFrom = null;
    if (!isLate && input.value) document.querySelector(SEND)?.click();
  };

  const sendLater = (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (!sendsUntil) setTimeout(sendNext, 50);
    sendsUntil = Date.now() + PATIENCE;
  };

  const isThere = (input) => (wanted ? keyOf(input) === wanted : input !== known);

  const look = () => {
    const input = document.querySelector(INPUT);
    if (known && !known.isConnected && !known.dataset.left) {
      known.dataset.left = "yes";
      leave(known);
    }
    if (input && isThere(input) && (input !== known || holder) && !holder?.dataset.composing) arrive(input);
    const form = document.querySelector(EDITORS);
    const name = document.querySelector(NAME);
    if (name && name !== named && hasKeyboard()) name.focus();
    named = name;
    if (form !== editor) {
      if (form) form.focus();
      else if (document.activeElement === document.body && hasKeyboard()) input?.focus({ preventScroll: true });
      editor = form;
    }
  };

  const onSend = (event, input) => {
    if (keyOf(input) !== "input-new") return;
    if (input === sentFrom && input.value) sendLater(event);
    else sentFrom = input;
  };
  const onClick = (event) => {
    const { target } = event;
    const opener = target.closest(OPENERS);
    if (target.closest(SEND)) onSend(event, document.querySelector(INPUT));
    if (!opener) return;
    const session = /st-key-open-([^\s"]+)/.exec(opener.closest('[class*="st-key-open-"]')?.className ?? "")?.[1];
    const isNew = opener.closest(STARTERS);
    hold(session ? `input-${session}` : isNew ? "input-new" : null);
    look();
  };
  const onKey = (event) => {
    const { target, key, shiftKey, isComposing } = event;
    if (key === "Escape" && !isComposing && target.matches?.(EDITORS)) document.querySelector(LEAVE)?.click();
    if (key === "Enter" && !shiftKey && !isComposing && target.matches?.(EDITORS)) {
      event.preventDefault();
      event.stopPropagation();
      target.blur(); // Streamlit takes what was typed when the field loses the focus
      setTimeout(() => document.querySelector(SEND_AGAIN)?.click());
      return;
    }
    if (key === "Enter" && !shiftKey && !isComposing && target.matches?.(INPUT)) onSend(event, target);
  };

  document.addEventListener("click", onClick, true);
  document.addEventListener("keydown", onKey, true);
  document.addEventListener("focusin", ({ target }) => (focused = target), true);
  const begin = new MutationObserver(() => {
    if (!document.body) return;
    begin.disconnect();
    if (page === "") hold(null);
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  });
  begin.observe(document.documentElement, { childList: true });
}
