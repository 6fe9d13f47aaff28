// Keeps the end of the conversation in view until the user scrolls away, then offers a button to return.
const NEAR = 80;
const FAR = 200;
const AFTERMATH = 1000; // ms for which a page may keep scrolling after a wheel or touch event
const UPWARDS = new Set(["PageUp", "Home", "ArrowUp"]);

const follow = (window.colloquyFollow ??= { session: null, sent: 0, pinned: true, jumping: null, moved: -Infinity, isLeaving: false });

export default function ({ data, parentElement }) {
  const scroller = document.querySelector('[data-testid="stMain"]');
  const content = document.querySelector('[data-testid="stMainBlockContainer"]');
  if (!scroller || !content) return;

  follow.leave?.(); // the cleanup of an earlier message is not called automatically
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
  // Only the user leaves the end. If the end is far off after a scroll by this script, or after one that the browser
  // makes when the page shrinks for a moment, then new content arrived meanwhile.
  let last = scroller.scrollTop;
  const onScroll = () => {
    const near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
    const isPerson = held || performance.now() - follow.moved < AFTERMATH;
    const isUpwards = scroller.scrollTop < last;
    // A scroll upwards starts near the end, too: being near counts only for a user who scrolls down to it.
    if (follow.jumping || (isUpwards ? isPerson && !near : near)) follow.pinned = near;
    last = scroller.scrollTop;
    offerWayBack();
  };
  let held = false;
  const onMove = () => Object.assign(follow, { moved: performance.now(), isLeaving: true });
  // Turning the wheel upwards leaves the end at once, not with a scroll event that a busy page delivers later. A table
  // or code block under the pointer scrolls first itself.
  const onWheel = (event) => {
    onMove();
    if (event.deltaY >= 0 || scroller.scrollTop === 0) return;
    for (let inner = event.target; inner && inner !== scroller; inner = inner.parentElement) if (inner.scrollTop > 0) return;
    follow.pinned = false;
  };
  const onKey = ({ key }) => {
    if (UPWARDS.has(key)) onMove();
    if (key === "Enter") follow.isLeaving = false;
  };
  const onDown = ({ target }) => {
    held = target === scroller; // the scroll bar
    if (target.closest("button")) follow.isLeaving = false;
  };
  const onUp = () => {
    if (held) onMove();
    held = false;
  };
  const watched = [
    [scroller, "scroll", onScroll],
    [scroller, "wheel", onWheel],
    [scroller, "touchmove", onMove],
    [document, "keydown", onKey],
    [document, "pointerdown", onDown],
    [document, "pointerup", onUp],
  ];

  // A sent message brings the end into view, unless the user has moved the page since it was sent: this runs later.
  if (data.session !== follow.session || (data.sent !== follow.sent && !follow.isLeaving)) follow.pinned = true;
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
