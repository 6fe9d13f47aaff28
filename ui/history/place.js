// Brings a message of a transcript into view, or the page to where it was left, and lights up words without touching what
// Streamlit draws.
const PATIENCE = 10000;
const SETTLING = 2500;
const LATER = 300;

const places = (window.colloquyPlaces ??= new Map());
const left = (window.colloquyLeft ??= new Map());
const words = (window.colloquyWords ??= new Map());

export default function ({ data }) {
  const scope = () => document.querySelector(`.${data.scope}`);
  const stops = [lightUp(scope, data)];
  const here = location.href;
  const visit = `${here} ${data.number}`;
  const page = document.querySelector('[data-testid="stMain"]');
  if (places.get(data.scope) !== visit) {
    places.set(data.scope, visit);
    if (data.anchor) stops.push(goTo(data, scope));
    else if (data.whole) page.scrollTop = left.get(here) ?? 0;
  }
  if (data.whole) {
    const remember = () => location.href === here && left.set(here, page.scrollTop);
    page.addEventListener("scroll", remember, { passive: true });
    stops.push(() => page.removeEventListener("scroll", remember));
  }
  return () => stops.forEach((stop) => stop());
}

function goTo(data, scope) {
  const found = () => scope()?.querySelector(`.${data.anchor}`)?.closest('[data-testid="stChatMessage"]');
  const people = ["wheel", "touchstart", "keydown", "pointerdown"];
  let resized;

  // Charts and pictures come in later and move what is below them. Whoever scrolls meanwhile is left alone.
  const stop = () => {
    waiting.disconnect();
    resized?.disconnect();
    clearTimeout(timer);
    people.forEach((kind) => document.removeEventListener(kind, stop, true));
  };
  const show = () => {
    const message = found();
    if (!message) return false;
    message.scrollIntoView({ block: "start", behavior: "instant" });
    return true;
  };
  const settle = () => {
    resized = new ResizeObserver(show);
    resized.observe(scope());
    clearTimeout(timer);
    timer = setTimeout(stop, SETTLING);
    people.forEach((kind) => document.addEventListener(kind, stop, { capture: true, passive: true }));
  };
  const waiting = new MutationObserver(() => {
    if (!show()) return;
    waiting.disconnect();
    settle();
  });
  let timer = setTimeout(stop, PATIENCE);
  if (show()) settle();
  else waiting.observe(document.body, { childList: true, subtree: true });
  return stop;
}

function lightUp(scope, data) {
  if (!window.CSS?.highlights) return () => {};
  const show = () => {
    words.set(data.scope, data.words.flatMap((word) => rangesOf(scope(), word)));
    CSS.highlights.set("colloquy-found", new Highlight(...[...words.values()].flat()));
  };
  show();
  let timer;
  const changed = new MutationObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(show, LATER);
  });
  if (data.words.length) changed.observe(scope() ?? document.body, { childList: true, subtree: true, characterData: true });
  return () => {
    changed.disconnect();
    clearTimeout(timer);
    words.delete(data.scope);
    CSS.highlights.set("colloquy-found", new Highlight(...[...words.values()].flat()));
  };
}

function rangesOf(root, word) {
  const ranges = [];
  const wanted = word.toLowerCase();
  if (!root) return ranges;
  const nodes = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const said = nodes.currentNode.data.toLowerCase();
    if (said.length !== nodes.currentNode.data.length) continue;
    for (let at = said.indexOf(wanted); at >= 0; at = said.indexOf(wanted, at + wanted.length)) {
      const range = new Range();
      range.setStart(nodes.currentNode, at);
      range.setEnd(nodes.currentNode, at + wanted.length);
      ranges.push(range);
    }
  }
  return ranges;
}
