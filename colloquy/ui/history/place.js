// Scrolls to a message of a transcript, or returns the page to where the user left it, and highlights words without
// changing Streamlit's elements.
const SETTLING = 3000;
const LONGEST_SETTLING = 20000;
const LATER = 300;

const UNSEEN = /[\u00ad\u200b\u2060\ufeff]/g;

const people = ["wheel", "touchstart", "keydown", "pointerdown"];

const places = (window.colloquyPlaces ??= new Map());
const left = (window.colloquyLeft ??= new Map());
const words = (window.colloquyWords ??= new Map());

export default function ({ data }) {
  const scope = () => document.querySelector(`.${data.scope}`);
  const stops = [lightUp(scope, data)];
  const visit = `${location.href} ${data.number}`;
  const isNew = places.get(data.scope) !== visit;
  places.set(data.scope, visit);
  if (data.anchor && isNew) {
    const message = () => scope()?.querySelector(`.${data.anchor}`)?.closest('[data-testid="stChatMessage"]');
    stops.push(settle(() => toMessage(message())));
  }
  if (data.whole) stops.push(asItWasLeft(isNew && !data.anchor));
  return () => stops.forEach((stop) => stop());
}

const toMessage = (message) => message?.scrollIntoView({ block: "start", behavior: "instant" });

// Repeats an action while the page is still being drawn: charts and pictures arrive late and move what is below them.
// It ends when nothing has moved for a while, or as soon as the user scrolls.
function settle(go, then = () => {}) {
  const content = document.querySelector('[data-testid="stMainBlockContainer"]');
  let timer;
  const stop = () => {
    drawn.disconnect();
    clearTimeout(timer);
    people.forEach((kind) => document.removeEventListener(kind, stop, true));
    then();
    then = () => {};
  };
  const last = Date.now() + LONGEST_SETTLING;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(stop, Math.min(SETTLING, last - Date.now()));
  };
  const drawn = new ResizeObserver(() => {
    go();
    wait();
  });
  drawn.observe(content);
  people.forEach((kind) => document.addEventListener(kind, stop, { capture: true, passive: true }));
  wait();
  go();
  return stop;
}

// Returns the page to its scroll position when its URL was last shown, and remembers the position when the user leaves.
// The target of a link may be drawn before it is in the URL: from a click on a link until the user scrolls again,
// nothing is remembered.
function asItWasLeft(restore) {
  const page = document.querySelector('[data-testid="stMain"]');
  const here = location.href;
  const leave = ({ target }) => target.closest("a[href]") && (window.colloquyLeaving = location.href);
  const remain = () => (window.colloquyLeaving = null);
  const remember = () => window.colloquyLeaving !== here && location.href === here && left.set(here, page.scrollTop);
  const watch = () => {
    remember();
    page.addEventListener("scroll", remember, { passive: true });
  };
  people.forEach((kind) => document.addEventListener(kind, remain, { capture: true, passive: true }));
  document.addEventListener("click", leave, true);
  let stop = () => {};
  if (restore) stop = settle(() => (page.scrollTop = left.get(here) ?? 0), watch);
  else watch();
  return () => {
    stop();
    page.removeEventListener("scroll", remember);
    people.forEach((kind) => document.removeEventListener(kind, remain, true));
    document.removeEventListener("click", leave, true);
  };
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

// Finds a word in any case, width and normal form, as the server does.
function rangesOf(root, word) {
  const ranges = [];
  if (!root) return ranges;
  const wanted = folded(word).signs;
  const nodes = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (wanted && nodes.nextNode()) {
    const { signs, starts } = folded(nodes.currentNode.data);
    for (let at = signs.indexOf(wanted); at >= 0; at = signs.indexOf(wanted, at + wanted.length)) {
      const range = new Range();
      range.setStart(nodes.currentNode, starts[at]);
      range.setEnd(nodes.currentNode, starts[at + wanted.length]);
      ranges.push(range);
    }
  }
  return ranges;
}

// Returns a text normalized for comparison, and, for each of its characters and its end, where the original letter
// begins.
function folded(text) {
  let signs = "";
  const starts = [];
  for (const letter of text.matchAll(/.[\p{M}\uff9e\uff9f\u1160-\u11ff]*/gsu)) {
    const usual = letter[0].normalize("NFKC").replace(UNSEEN, "").replace("İ", "I").toLowerCase().replace("ς", "σ").replace("ß", "ss").replace(/\s/, " ");
    signs += usual;
    for (let n = 0; n < usual.length; n++) starts.push(letter.index);
  }
  return { signs, starts: [...starts, text.length] };
}
