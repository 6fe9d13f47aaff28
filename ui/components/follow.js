// Keeps the end of the conversation in view until the person scrolls away from it.
const NEAR = 80;
const AFTERMATH = 1000; // ms in which a page goes on to scroll after a wheel or a finger
const UPWARDS = new Set(["PageUp", "Home", "ArrowUp"]);

const follow = (window.colloquyFollow ??= { session: null, sent: 0, pinned: true, jumping: null, moved: -Infinity });

export default function ({ data }) {
  const scroller = document.querySelector('[data-testid="stMain"]');
  const content = document.querySelector('[data-testid="stMainBlockContainer"]');
  if (!scroller || !content) return;

  const toEnd = () => {
    if (follow.pinned && !follow.jumping) scroller.scrollTop = scroller.scrollHeight;
  };
  // Only a person leaves the end. That it is far off after a scroll of ours, or after one that the browser makes when
  // the page gets shorter for a moment, says that something came in meanwhile.
  let last = scroller.scrollTop;
  const onScroll = () => {
    const near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
    const isPerson = held || performance.now() - follow.moved < AFTERMATH;
    const isUpwards = scroller.scrollTop < last;
    // The way up begins near the end, too: that counts for who comes down to it only.
    if (follow.jumping || (isUpwards ? isPerson && !near : near)) follow.pinned = near;
    last = scroller.scrollTop;
  };
  let held = false;
  const onMove = () => (follow.moved = performance.now());
  const onKey = (event) => UPWARDS.has(event.key) && onMove();
  const onDown = (event) => (held = event.target === scroller); // its scroll bar
  const onUp = () => {
    if (held) onMove();
    held = false;
  };
  const watched = [
    [scroller, "scroll", onScroll],
    [scroller, "wheel", onMove],
    [scroller, "touchmove", onMove],
    [document, "keydown", onKey],
    [document, "pointerdown", onDown],
    [document, "pointerup", onUp],
  ];

  if (data.session !== follow.session || data.sent !== follow.sent) {
    follow.pinned = true;
  }
  follow.session = data.session;
  follow.sent = data.sent;
  toEnd();

  const observer = new ResizeObserver(toEnd);
  observer.observe(content);
  for (const [target, name, listener] of watched) target.addEventListener(name, listener, { passive: true });
  return () => {
    observer.disconnect();
    for (const [target, name, listener] of watched) target.removeEventListener(name, listener);
  };
}
