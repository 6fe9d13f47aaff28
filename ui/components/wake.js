// Reruns the fragment that this component stands in whenever the server says that there is news.
const LONGEST_PAUSE = 5000;
const APART = 15;

// Streamlit gathers what happens in one tick into one rerun, of one fragment only: the wakes of several fragments go
// one after the other. In a hidden tab timers come late, but still in order.
const wakes = (window.colloquyWakes ??= { waiting: new Map(), busy: false });

const next = () => {
  if (wakes.busy || wakes.waiting.size === 0) return;
  const [id, wake] = wakes.waiting.entries().next().value;
  wakes.waiting.delete(id);
  wakes.busy = true;
  wake();
  setTimeout(() => {
    wakes.busy = false;
    next();
  }, APART);
};

export default function ({ data, setTriggerValue }) {
  const id = data.session ?? "";
  let socket;
  let timer;
  let pause = 250;
  let left = false;

  const wake = () => {
    wakes.waiting.set(id, () => left || setTriggerValue("news", Date.now()));
    next();
  };

  const connect = () => {
    const url = new URL("/api/live", window.location.href);
    url.protocol = url.protocol.replace("http", "ws");
    if (id) url.searchParams.set("session", id);
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
  return () => {
    left = true;
    clearTimeout(timer);
    socket.close();
  };
}
