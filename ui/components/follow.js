// Keeps the end of the conversation in view until the person scrolls away from it, and the cursor in the input: with the
// first message of a new chat its input gives way to another one, and what is typed next would go nowhere.
const NEAR = 80;

const follow = (window.colloquyFollow ??= { session: null, sent: 0, pinned: true });

export default function ({ data }) {
  const scroller = document.querySelector('[data-testid="stMain"]');
  const content = document.querySelector('[data-testid="stMainBlockContainer"]');
  if (!scroller || !content) return;

  const toEnd = () => {
    if (follow.pinned) scroller.scrollTop = scroller.scrollHeight;
  };
  // Only a person scrolls up. That the end is far off after a scroll of ours says that a chart came in meanwhile.
  let last = scroller.scrollTop;
  const onScroll = () => {
    const near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
    if (near || scroller.scrollTop < last) follow.pinned = near;
    last = scroller.scrollTop;
  };

  if (data.session !== follow.session || data.sent !== follow.sent) {
    follow.pinned = true;
    const nothingHasFocus = document.activeElement === document.body;
    if (nothingHasFocus && matchMedia("(pointer: fine)").matches) {
      document.querySelector('[data-testid="stChatInputTextArea"]')?.focus({ preventScroll: true });
    }
  }
  follow.session = data.session;
  follow.sent = data.sent;
  toEnd();

  const observer = new ResizeObserver(toEnd);
  observer.observe(content);
  scroller.addEventListener("scroll", onScroll, { passive: true });
  return () => {
    observer.disconnect();
    scroller.removeEventListener("scroll", onScroll);
  };
}
