// Reruns the surrounding fragment whenever the server reports news.
const LONGEST_PAUSE = 5000;
const LOOK_EVERY = 15;
const SETTLE = 600;

// Streamlit merges everything that happens in one tick into one rerun, of one fragment only. And if one fragment's
// rerun starts before the browser has heard that another's has ended, Streamlit treats the other as aborted, and
// elements that it no longer draws stay on the page. So wakes run one after the other, each while no rerun is running.
// A click cannot be held back like that: shortly after the last click or piece of news each fragment reruns once more,
// which removes such leftovers. In a hidden tab timers fire late, but still in order.
const wakes = (window.colloquyWakes ??= { waiting: new Map(), busy: false });

const atRest = () =>
  (document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState ?? "notRunning") === "notRunning";

const next = () => {
  if (wakes.busy || wakes.waiting.size === 0) return;
  if (atRest()) {
    const [id, wake] = wakes.waiting.entries().next().value;
    wakes.waiting.delete(id);
    wake();
  }
  wakes.busy = true;
  setTimeout(() => {
    wakes.busy = false;
    next();
  }, LOOK_EVERY);
};

export default function ({ data, setTriggerValue }) {
  const id = `${data.session ?? ""} ${data.words}`;
  let socket;
  let timer;
  let settling;
  let pause = 250;
  let left = false;

  const draw = () => {
    wakes.waiting.set(id, () => left || setTriggerValue("news", Date.now()));
    next();
  };
  const settle = () => {
    clearTimeout(settling);
    settling = setTimeout(draw, SETTLE);
  };
  const wake = () => {
    draw();
    settle();
  };

  const connect = () => {
    const url = new URL("./api/live", window.location.href);
    url.protocol = url.protocol.replace("http", "ws");
    if (data.session) url.searchParams.set("session", data.session);
    if (data.words === "all") url.searchParams.set("words", "all");
    else if (!data.words) url.searchParams.set("words", "no");
    socket = new WebSocket(url);
    socket.onopen = () => {
      pause = 250;
      wake(); // something may have happened between the last run and this connection
    };
    socket.onmessage = wake;
    socket.onclose = () => {
      if (left) return;
      timer = setTimeout(connect, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    };
  };

  connect();
  document.addEventListener("click", settle);
  return () => {
    left = true;
    document.removeEventListener("click", settle);
    clearTimeout(timer);
    clearTimeout(settling);
    socket.close();
  };
}
