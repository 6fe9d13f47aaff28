// Brings a part of the conversation into view and lights it up for a moment. It may still have to be drawn.
const PATIENCE = 10000;
const LIGHT = 2500;
const SCROLL = 700; // the longest that a smooth scroll takes, if nothing breaks it off

export default function ({ data }) {
  if (!data.anchors.length || window.colloquyJumped === data.number) return;

  const show = () => {
    const found = data.anchors.map((key) => document.querySelector(`[data-testid="stChatMessage"] .st-key-${key}`)).find(Boolean);
    if (!found) return false;
    window.colloquyJumped = data.number;
    if (window.colloquyFollow) Object.assign(window.colloquyFollow, { pinned: false, moved: performance.now() });
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    found.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
    setTimeout(() => {
      const { top, bottom } = found.getBoundingClientRect();
      if (bottom < 0 || top > window.innerHeight) found.scrollIntoView({ block: "center" });
    }, SCROLL);
    found.classList.add("colloquy-lit");
    setTimeout(() => found.classList.remove("colloquy-lit"), LIGHT);
    return true;
  };

  if (show()) return;
  const observer = new MutationObserver(() => show() && observer.disconnect());
  observer.observe(document.body, { childList: true, subtree: true });
  const timer = setTimeout(() => observer.disconnect(), PATIENCE);
  return () => {
    observer.disconnect();
    clearTimeout(timer);
  };
}
