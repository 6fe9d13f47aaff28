// Goes to another address as a link does, once for each new number: the way back leads to this page as it was.
const gone = new Set();

export default function ({ data }) {
  if (gone.has(data.number)) return;
  gone.add(data.number);
  window.location.assign(new URL(data.url, document.baseURI));
}
