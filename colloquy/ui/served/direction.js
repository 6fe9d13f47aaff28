// Text in right-to-left languages runs from right to left, whatever the language of the page: the browser decides for
// each block, and for what is typed. The outermost block decides for its contents, so that the bullets of a list are
// where the list begins.
{
  const BLOCKS = '[data-testid="stMarkdownContainer"] :is(p, ul, ol, h1, h2, h3, h4, h5, h6, blockquote, table)';
  const FIELDS = 'textarea, input:is([type="text"], [type="search"], :not([type]))';
  const mark = (element) => {
    if (!element.hasAttribute("dir") && !element.parentElement?.closest('[data-testid="stMarkdownContainer"] [dir="auto"]')) {
      element.dir = "auto";
    }
  };
  const look = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    if (node.matches(BLOCKS) || node.matches(FIELDS)) mark(node);
    node.querySelectorAll(`${BLOCKS}, ${FIELDS}`).forEach(mark);
  };
  new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach(look))).observe(document, {
    childList: true,
    subtree: true,
  });
}
