// Navigates to another URL like a link, once for each new number: Back returns to this page with its URL.
const gone = new Set();

export default function ({ data }) {
  if (gone.has(data.number)) return;
  gone.add(data.number);
  window.location.assign(new URL(data.url, document.baseURI));
}
