// What the browser benchmark measures inside the page, where the clock is the one of the process beside it.
(() => {
  const QUIET = 250; // ms without a change after which the page counts as settled
  const PATIENCE = 30000; // ms

  const inTime = (begin, what) =>
    new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`${what} did not come; the last message is: ${fromTheEnd(1)?.textContent}`)), PATIENCE);
      begin(resolve);
    });

  const bubbles = document.getElementsByClassName("stChatMessage");
  const fromTheEnd = (place) => bubbles[bubbles.length - place];

  const inView = (element) => {
    const box = element.getBoundingClientRect();
    return box.bottom > 0 && box.bottom <= window.innerHeight;
  };

  // Milliseconds until the message with `mark` is the last one and in view, and until nothing changes any more.
  const watch = (mark, began, resolve) => {
    let changed = began;
    let seen;
    let top;
    const observer = new MutationObserver(() => (changed = performance.now()));
    observer.observe(document, { childList: true, characterData: true, subtree: true });
    const frame = () => {
      const now = performance.now();
      const main = document.querySelector('[data-testid="stMain"]');
      if (main && main.scrollTop !== top) [top, changed] = [main.scrollTop, now];
      const last = fromTheEnd(1);
      if (!seen && last?.textContent.includes(mark) && inView(last)) seen = now;
      if (!seen || now - changed < QUIET) return requestAnimationFrame(frame);
      observer.disconnect();
      resolve({ seen: seen - began, settled: Math.max(seen, changed) - began, elements: document.querySelectorAll("*").length });
    };
    requestAnimationFrame(frame);
  };

  window.bench = {
    // From the next click on.
    armClick(mark) {
      this.arrived = inTime(
        (resolve) => addEventListener("click", () => watch(mark, performance.now(), resolve), { capture: true, once: true }),
        mark
      );
    },
    // From the start of the navigation to this page on.
    loaded: (mark) => inTime((resolve) => watch(mark, 0, resolve), mark),
    // When the first and the last of `words` words of the answer to `message` came into the page: Unix milliseconds.
    armStream(message, words) {
      const whole = Array.from({ length: words }, (_, i) => `w${i}`).join(" ");
      this.streamed = inTime((resolve) => {
        let first;
        let updates = 0;
        const observer = new MutationObserver(() => {
          const now = Date.now();
          if (!fromTheEnd(2)?.textContent.includes(message)) return;
          const text = fromTheEnd(1).textContent;
          if (!text.includes("w0")) return;
          first ??= now;
          updates += 1;
          if (!text.includes(whole)) return;
          observer.disconnect();
          resolve({ first, last: now, updates });
        });
        observer.observe(document, { childList: true, characterData: true, subtree: true });
      }, message);
    },
  };
})();
