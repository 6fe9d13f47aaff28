// Keeps the end of the conversation in view until the person scrolls away from it, and offers the way back then.
const NEAR = 80;
const FAR = 200;
const AFTERMATH = 1000; // ms in which a page goes on to scroll after a wheel or a finger
const UPWARDS = new Set(["PageUp", "Home", "ArrowUp"]);

const follow = (window.colloquyFollow ??= { session: null, sent: 0, pinned: true, jumping: null, moved: -Infinity });

export default function ({ data, parentElement }) {
  const scroller = document.querySelector('[data-testid="stMain"]');
  const content = document.querySelector('[data-testid="stMainBlockContainer"]');
  if (!scroller || !content) return;

  follow.leave?.(); // that of an earlier message is not called by itself
  const back = parentElement.querySelector("button");
  const toEnd = () => {
    if (follow.pinned && !follow.jumping) scroller.scrollTop = scroller.scrollHeight;
    offerWayBack();
  };
  const offerWayBack = () => {
    const left = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    back.hidden = left < FAR || (follow.pinned && !follow.jumping);
  };
  back.onclick = () => {
    Object.assign(follow, { pinned: true, jumping: null });
    toEnd();
    if (matchMedia("(hover: hover) and (pointer: fine)").matches) {
      document.querySelector('[data-testid="stChatInputTextArea"]')?.focus({ preventScroll: true });
    }
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
    offerWayBack();
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
  follow.leave = () => {
    observer.disconnect();
    for (const [target, name, listener] of watched) target.removeEventListener(name, listener);
  };
  return follow.leave;
}
