// Returns the focus to the previous element when the focused one disappears: a dialog, a menu, a deleted row. Streamlit
// redraws much of a page after a click, so elements are identified by their keys, and links by their targets.
{
  const LONGEST_TRAIL = 20;
  const SETTLE = 120;
  const CAN = 'a[href], button:not(:disabled), input:not(:disabled), textarea:not(:disabled), [tabindex="0"]';
  const KEYED = '[class*="st-key-"]';
  let trail = [];
  let timer;

  const keyOf = (element) => element?.className.match?.(/st-key-[\w-]+/)?.[0];
  const usable = (element) => element?.checkVisibility?.({ visibilityProperty: true }) && !element.closest("[inert]");
  const firstIn = (element) =>
    element?.matches(CAN) ? element : [...(element?.querySelectorAll(CAN) ?? [])].find(usable);

  // The keys of an element and of its row, each with those of its next and previous siblings: after a deletion the
  // focus goes to the next row.
  const place = (element) => {
    const own = element.closest(KEYED);
    const row = own?.parentElement?.closest(KEYED);
    const keys = [own, row].filter(Boolean).flatMap((one) => [keyOf(one), ...beside(one)]);
    return { element, href: element.getAttribute?.("href"), keys: keys.filter(Boolean) };
  };

  const beside = (one) => {
    const start = one.parentElement?.children.length === 1 ? one.parentElement : one;
    const keys = [];
    for (const way of ["nextElementSibling", "previousElementSibling"]) {
      for (let at = start[way], count = 0; at && count < 3; at = at[way], count++) {
        keys.push(keyOf(at) ?? keyOf(at.querySelector(KEYED)));
      }
    }
    return keys;
  };

  const found = ({ element, href, keys }) => {
    if (element.isConnected && usable(element)) return element;
    const link = href && [...document.querySelectorAll("a[href]")].find((one) => one.getAttribute("href") === href);
    if (usable(link)) return link;
    return keys.map((key) => firstIn(document.querySelector(`.${key}`))).find(usable);
  };

  const giveBack = () => {
    const last = trail.at(-1);
    const isLost = !document.activeElement || document.activeElement === document.body;
    if (!isLost || !last || (last.element.isConnected && usable(last.element))) return;
    for (const one of trail.toReversed()) {
      const element = found(one);
      if (element) return element.focus({ preventScroll: true });
    }
  };

  document.addEventListener("focusin", ({ target }) => {
    trail = [...trail.filter(({ element }) => element !== target), place(target)].slice(-LONGEST_TRAIL);
  });
  // A click beside all elements means that nothing should have the focus.
  document.addEventListener("pointerdown", ({ target }) => {
    if (!target.closest(CAN) && !target.shadowRoot) trail = [];
  });
  // Streamlit keeps what was typed when its field loses the focus. In a popover closed with Escape, the field would be
  // removed first.
  document.addEventListener(
    "keydown",
    ({ key, target, isComposing }) => {
      const isField = target.matches?.('[data-testid="stPopoverBody"] :is(input, textarea)');
      if (key === "Escape" && isField && !isComposing) target.blur();
    },
    true,
  );
  new MutationObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(giveBack, SETTLE);
  }).observe(document, { childList: true, subtree: true });
}
