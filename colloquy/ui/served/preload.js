// Loads what the page needs later while it waits for the server, once it shows its first words.
{
  const scripts = JSON.parse(document.currentScript.dataset.told);
  const first = new MutationObserver(() => {
    if (!document.querySelector('[data-testid="stHeading"]')) return;
    first.disconnect();
    setTimeout(() => scripts.forEach((script) => import(script).catch(() => {}))); // who needs it asks again
  });
  first.observe(document, { childList: true, subtree: true });
}
