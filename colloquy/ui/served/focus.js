// Gives the focus to what had it before when what has it goes away: a dialog, a menu, a row that was deleted. Streamlit
// draws much of a page anew after a click, so that things are known by their keys, and links by where they lead, not by
// their elements.
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

  // The keys of an element and of the row that it stands in, each with those of what stands after and before it: who
  // deletes a row goes on from the next one.
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
  // Who clicks beside everything wants nothing to have the focus.
  document.addEventListener("pointerdown", ({ target }) => {
    if (!target.closest(CAN) && !target.shadowRoot) trail = [];
  });
  // Streamlit keeps what was typed when its field loses the focus. In a popover that Escape closes the field would go first.
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
