// Closes the sidebar if it covers the page, as on a phone, once for each new number.
export default function ({ data }) {
  const isNew = "colloquyUncovered" in window && window.colloquyUncovered !== data.number;
  window.colloquyUncovered = data.number;
  const sidebar = document.querySelector('[data-testid="stSidebar"]');
  const page = document.querySelector('[data-testid="stMain"]');
  if (!isNew || !sidebar || !page) return;
  const covers = sidebar.getBoundingClientRect().right > page.getBoundingClientRect().left;
  if (covers) sidebar.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
}
