// CodeMirror with the parts that the SQL page needs, bundled into colloquy/ui/sql/codemirror.js by `npm ci && npm run build`.
import {
  acceptCompletion,
  autocompletion,
  closeCompletion,
  completionKeymap,
  currentCompletions,
  selectedCompletionIndex,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { keywordCompletionSource, PostgreSQL, schemaCompletionSource, SQLDialect } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState, Prec } from "@codemirror/state";
import { drawSelection, EditorView, keymap, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const MORE = "qualify exclude replace sample pivot unpivot summarize describe show tables asof semi anti positional try_cast";
const DuckDB = SQLDialect.define({ ...PostgreSQL.spec, keywords: `${PostgreSQL.spec.keywords} ${MORE}` });

// The same colors as highlighted code elsewhere.
const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--code-word)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-text)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: [tags.typeName, tags.standard(tags.name), tags.special(tags.name)], color: "var(--code-name)" },
  { tag: [tags.comment, tags.operator, tags.punctuation], color: "var(--code-sign)" },
]);

const looks = EditorView.theme({
  "&": { color: "inherit", backgroundColor: "transparent", fontSize: "0.875rem", maxHeight: "60vh" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--st-code-font, ui-monospace, monospace)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "currentColor", padding: "0.6rem 0", minHeight: "9rem" },
  ".cm-line": { padding: "0 0.75rem" },
  ".cm-cursor": { borderLeftColor: "currentColor" },
  ".cm-placeholder": { color: "inherit", opacity: "0.6" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--accent) 28%, transparent)",
  },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "color-mix(in srgb, var(--accent) 22%, transparent)" },
  ".cm-tooltip": {
    color: "inherit",
    backgroundColor: "var(--paper)",
    border: "1px solid color-mix(in srgb, currentColor 25%, transparent)",
    borderRadius: "0.5rem",
    overflow: "hidden",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--st-code-font, ui-monospace, monospace)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { color: "#fff", backgroundColor: "#4f46e5" },
  ".cm-completionDetail": { fontStyle: "normal", opacity: "0.75" },
});

/** Opens an editor in `parent`. Calls `said` with its text on every change, and `run` with the text to run. */
export function openEditor(parent, { text, label, hint, schema, said, run }) {
  const completion = new Compartment();
  const completed = (tables) => {
    const config = { dialect: DuckDB, schema: tables, upperCaseKeywords: false };
    return [
      DuckDB.extension,
      DuckDB.language.data.of({ autocomplete: tablesFirst(schemaCompletionSource(config)) }),
      DuckDB.language.data.of({ autocomplete: keywordCompletionSource(DuckDB, false) }),
      // Offers the columns of all tables everywhere: a query often names its table last.
      DuckDB.language.data.of({ autocomplete: columnsOf(tables) }),
    ];
  };
  const running = (view) => {
    closeCompletion(view);
    run(view.state.doc.toString());
    return true;
  };
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        Prec.highest(keymap.of(["Mod-Enter", "Ctrl-Enter"].map((key) => ({ key, run: running, stopPropagation: true })))),
        Prec.highest(keymap.of([{ key: "Enter", run: leaveWhole }])),
        history(),
        drawSelection(),
        bracketMatching(),
        autocompletion({ activateOnTyping: true, icons: false }),
        // Tab accepts the offered completion; otherwise it moves on to the next element of the page.
        keymap.of([{ key: "Tab", run: acceptCompletion }, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
        syntaxHighlighting(colours),
        looks,
        EditorView.lineWrapping,
        placeholder(hint),
        EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", autocapitalize: "off" }),
        EditorView.updateListener.of((update) => update.docChanged && said(update.state.doc.toString())),
        completion.of(completed(schema)),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    put: (wanted) => {
      if (wanted === view.state.doc.toString()) return;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: wanted }, selection: { anchor: wanted.length } });
    },
    focus: () => view.focus(),
    know: (tables) => view.dispatch({ effects: completion.reconfigure(completed(tables)) }),
    close: () => view.destroy(),
  };
}

// Whether a table name is expected at this position.
const namesTable = (state, position) => /\b(from|join)\s+$/i.test(state.sliceDoc(Math.max(0, position - 200), position));

function tablesFirst(source) {
  return async (context) => {
    const found = await source(context);
    if (!found || !namesTable(context.state, found.from)) return found;
    return { ...found, options: found.options.map((option) => ({ ...option, boost: 50 })) };
  };
}

// Enter accepts a completion only if it adds to the typed text; otherwise it starts a new line.
function leaveWhole(view) {
  const { head } = view.state.selection.main;
  const typed = /[\w"]*$/.exec(view.state.sliceDoc(Math.max(0, head - 200), head))[0].toLowerCase();
  const isWhole = currentCompletions(view.state).some(({ label }) => label.toLowerCase() === typed);
  if (isWhole && selectedCompletionIndex(view.state) === 0) closeCompletion(view);
  return false;
}

function columnsOf(tables) {
  const options = [];
  for (const [table, columns] of Object.entries(tables)) {
    for (const name of columns) options.push({ label: name, type: "property", detail: table });
  }
  return (context) => {
    const word = context.matchBefore(/[\w"]+$/);
    if (!word && !context.explicit) return null;
    const from = word ? word.from : context.pos;
    if (context.state.sliceDoc(from - 1, from) === "." || namesTable(context.state, from)) return null;
    return { from, options, validFor: /^[\w"]*$/ };
  };
}
