// Scrolls a part of the conversation into view and highlights it for a moment. The part may not be drawn yet.
const PATIENCE = 10000;
const LIGHT = 2500;
const STANDSTILL = 200; // ms without movement after which a scroll has ended
const MOVES = ["wheel", "touchmove", "keydown", "pointerdown"];

export default function ({ data }) {
  if (!data.anchors.length || window.colloquyJumped === data.number) return;

  const show = () => {
    const found = data.anchors.map((key) => document.querySelector(`[data-testid="stChatMessage"] .st-key-${key}`)).find(Boolean);
    if (!found) return false;
    window.colloquyJumped = data.number;
    highlight(found);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    found.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
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

// Redraws may interrupt the scrolling or push the part away, on a busy machine for seconds. The part is kept in view until
// it has stood there for as long as it is highlighted; any user input that moves the page releases it earlier.
function highlight(part) {
  const scroller = document.querySelector('[data-testid="stMain"]');
  const follow = window.colloquyFollow ?? {};
  const began = performance.now();
  let isHeld = true;
  let last;
  let shown = 0;
  const release = () => {
    isHeld = false;
    if (follow.jumping === part) follow.jumping = null;
    for (const name of MOVES) document.removeEventListener(name, release);
  };
  const timer = setInterval(() => {
    const { top, bottom } = part.getBoundingClientRect();
    const isOut = bottom < 0 || top > window.innerHeight;
    const isStill = scroller.scrollTop === last;
    last = scroller.scrollTop;
    if (isHeld && isOut && isStill) part.scrollIntoView({ block: "center" });
    if (!isHeld || (isStill && !isOut)) shown += STANDSTILL;
    if (shown < LIGHT && performance.now() - began < PATIENCE) return;
    clearInterval(timer);
    part.classList.remove("colloquy-lit");
    release();
  }, STANDSTILL);
  follow.jumping = part;
  part.classList.add("colloquy-lit");
  for (const name of MOVES) document.addEventListener(name, release, { passive: true });
}
