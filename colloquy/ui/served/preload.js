// Loads what the page needs later, once it shows its first words and waits for the server.
{
  const scripts = JSON.parse(document.currentScript.dataset.told);
  const first = new MutationObserver(() => {
    if (!document.querySelector('[data-testid="stHeading"]')) return;
    first.disconnect();
    setTimeout(() => scripts.forEach((script) => import(script).catch(() => {}))); // a later import requests it again
  });
  first.observe(document, { childList: true, subtree: true });
}
