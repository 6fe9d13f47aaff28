// A field for a new title. Enter saves, Escape leaves. A click elsewhere saves nothing: an unchanged field closes, a
// changed one waits for Enter or Escape.
const begun = new WeakSet();

export default function ({ data, parentElement, setTriggerValue }) {
  const form = parentElement.querySelector("form");
  const field = form.querySelector("input");
  const leave = () => setTriggerValue("leave", true);

  if (!begun.has(form)) {
    begun.add(form);
    field.maxLength = data.longest;
    field.value = data.title;
    field.focus();
    field.select();
  }
  form.onsubmit = (event) => {
    event.preventDefault();
    const title = field.value.trim();
    if (title && title !== data.title) setTriggerValue("title", title);
    else leave();
  };
  form.querySelector(".leave").onclick = leave;
  form.onkeydown = (event) => {
    if (event.key === "Escape") leave();
    event.stopPropagation(); // letters typed here are not shortcuts of the page
  };
  field.onblur = ({ relatedTarget }) => {
    const stays = form.contains(relatedTarget) || !document.hasFocus();
    if (!stays && field.value === data.title) leave();
  };
}
