// Opens a page in a new window, once for each new number.
export default function ({ data }) {
  if (!data.url || window.colloquyOpened === data.number) return;
  window.colloquyOpened = data.number;
  window.open(data.url, "_blank");
}
