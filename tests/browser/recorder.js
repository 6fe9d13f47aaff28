// Remembers everything that the conversation shows, however briefly.
window.recorded = [];
{
  let last;
  const text = '[data-testid="stMarkdown"] [data-testid="stMarkdownContainer"]';
  const look = () => {
    const bubbles = [...document.querySelectorAll('[aria-label^="Chat message from "]')].map((bubble) => [
      bubble.ariaLabel.split(" ").at(-1),
      (bubble.querySelector(text)?.textContent ?? "").trim(),
    ]);
    const seen = JSON.stringify([new URLSearchParams(location.search).get("session"), bubbles]);
    if (seen !== last) window.recorded.push(JSON.parse(seen));
    last = seen;
  };
  new MutationObserver(look).observe(document, { childList: true, characterData: true, subtree: true });
}
