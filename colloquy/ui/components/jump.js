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
    const release = keepInView(found);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    found.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
    found.classList.add("colloquy-lit");
    setTimeout(() => {
      found.classList.remove("colloquy-lit");
      release();
    }, LIGHT);
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

// Redraws may interrupt the scrolling or push the part away. Returns a function that releases the part; any user input
// that moves the page releases it, too.
function keepInView(part) {
  const scroller = document.querySelector('[data-testid="stMain"]');
  const follow = window.colloquyFollow ?? {};
  follow.jumping = part;
  let last;
  const timer = setInterval(() => {
    const { top, bottom } = part.getBoundingClientRect();
    const isOut = bottom < 0 || top > window.innerHeight;
    if (isOut && scroller.scrollTop === last) part.scrollIntoView({ block: "center" });
    last = scroller.scrollTop;
  }, STANDSTILL);
  const release = () => {
    clearInterval(timer);
    if (follow.jumping === part) follow.jumping = null;
    for (const name of MOVES) document.removeEventListener(name, release);
  };
  for (const name of MOVES) document.addEventListener(name, release, { passive: true });
  return release;
}
