// The contrast (WCAG 2) of every visible text of the page with what is behind it, text that is disabled left out.
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = ([red, green, blue, alpha], below) =>
    [red, green, blue].map((part, i) => part * alpha + below[i] * (1 - alpha)).concat(1);
  const background = (element) => {
    if (!element) return [255, 255, 255, 1];
    const colour = rgba(getComputedStyle(element).backgroundColor);
    return colour[3] === 1 ? colour : over(colour, background(element.parentElement));
  };
  const luminance = (colour) => {
    const [red, green, blue] = colour.map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const opacity = (element) => (element ? Number(getComputedStyle(element).opacity) * opacity(element.parentElement) : 1);
  const measured = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const text = texts.currentNode.data.trim();
    if (!text || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (element.closest("[disabled], [aria-disabled=true], script, style, noscript, [aria-hidden=true]")) continue;
    if (element.getBoundingClientRect().width < 2) continue;
    const behind = background(element);
    const colour = rgba(getComputedStyle(element).color);
    const shown = over([...colour.slice(0, 3), colour[3] * opacity(element)], behind);
    const [light, dark] = [luminance(shown), luminance(behind)].sort((a, b) => b - a);
    measured.push({ text: text.slice(0, 40), contrast: Math.round(((light + 0.05) / (dark + 0.05)) * 100) / 100 });
  }
  return measured;
};
