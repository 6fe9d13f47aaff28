// Keeps durations counting every second. An element that the server has redrawn starts from its new value.
const begun = new WeakMap();

export default function () {
  const tick = () => {
    for (const element of document.querySelectorAll("[data-seconds]")) {
      const now = performance.now() / 1000;
      if (!begun.has(element)) begun.set(element, now - Number(element.dataset.seconds));
      const text = inWords(now - begun.get(element));
      if (element.textContent !== text) element.textContent = text;
    }
  };
  const timer = setInterval(tick, 1000);
  return () => clearInterval(timer);
}

// The same format as in colloquy/ui/formatting.py.
function inWords(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${rest} s` : `${rest} s`;
}
