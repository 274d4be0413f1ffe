import { autocompletion, completionKeymap, startCompletion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { lintGutter, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { EditorState, Prec, type Extension } from "@codemirror/state";
import { Decoration, EditorView, ViewPlugin, keymap, placeholder, type DecorationSet, type ViewUpdate } from "@codemirror/view";
import type { Completion as ServerCompletion, Fault } from "../api/types";
import { toBytes, toPlace, toRange } from "./offsets";
import { tokens } from "./tokens";

// Everything that knows CodeMirror is here, and is loaded when the first editor is shown.

export interface EditorOptions {
  parent: HTMLElement;
  text: string;
  label: string;
  placeholder: string;
  minLines: number;
  onChange: (text: string) => void;
  /** Ctrl+Enter. */
  onSubmit: () => void;
  complete: (text: string, cursor: number, signal: AbortSignal) => Promise<ServerCompletion>;
  /** The short word for a kind of completions, and the text that explains one. */
  kindName: (kind: string) => string;
  explain: (option: ServerCompletion["options"][number]) => string;
}

export interface RuleEditorView {
  setText: (text: string) => void;
  setFaults: (faults: Fault[], hint: (fault: Fault) => string) => void;
  focus: () => void;
  destroy: () => void;
}

export function createEditor(options: EditorOptions): RuleEditorView {
  const view = new EditorView({
    parent: options.parent,
    state: EditorState.create({ doc: options.text, selection: { anchor: options.text.length }, extensions: extensions(options) }),
  });
  return {
    setText(text) {
      if (text === view.state.doc.toString()) return;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    setFaults(faults, hint) {
      const text = view.state.doc.toString();
      const diagnostics = faults.map((fault): Diagnostic => ({ ...toRange(text, fault.start, fault.end), severity: "error", message: hint(fault) }));
      view.dispatch(setDiagnostics(view.state, diagnostics));
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}

function extensions(options: EditorOptions): Extension {
  // CodeMirror calls everything explicit that follows an explicit start; what counts here is the key itself.
  let asked = false;
  const source = (context: CompletionContext) => {
    const wanted = asked || wants(context.state.doc.sliceString(0, context.pos));
    asked = false;
    return wanted ? ask(context, options) : null;
  };
  return [
    Prec.highest(
      keymap.of([
        {
          key: "Ctrl-Space",
          run: (view) => {
            asked = true;
            return startCompletion(view);
          },
        },
        {
          key: "Mod-Enter",
          run: () => {
            options.onSubmit();
            return true;
          },
        },
      ]),
    ),
    history(),
    // Tab is not bound: it leaves the editor, as everywhere in a form.
    keymap.of([...completionKeymap, ...historyKeymap, ...defaultKeymap]),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": options.label, spellcheck: "false" }),
    placeholder(options.placeholder),
    colouring,
    lintGutter({ markerFilter: () => [] }),
    look(options.minLines),
    autocompletion({
      override: [source],
      icons: false,
      maxRenderedOptions: 50,
      activateOnTypingDelay: 60,
      addToOptions: [{ position: 90, render: (option) => kindLabel(option.detail ?? "", options) }],
    }),
    EditorView.updateListener.of((update) => {
      if (!update.docChanged) return;
      options.onChange(update.state.doc.toString());
      if (goesOn(update)) setTimeout(() => startCompletion(update.view));
    }),
  ];
}

/** A completion that ends open, as "last(", asks for the next one. */
function goesOn(update: ViewUpdate): boolean {
  const completed = update.transactions.some((transaction) => transaction.isUserEvent("input.complete"));
  return completed && /[.("[]$/.test(update.state.doc.sliceString(0, update.state.selection.main.head));
}

/** Whether completions help here unasked: in a name, behind a dot or an opening bracket, in a text that is not closed. */
function wants(before: string): boolean {
  const line = before.slice(before.lastIndexOf("\n") + 1);
  const open = (line.match(/"/g)?.length ?? 0) % 2 === 1;
  return open || /[.[(\p{L}_]$/u.test(line);
}

async function ask(context: CompletionContext, options: EditorOptions): Promise<CompletionResult | null> {
  const text = context.state.doc.toString();
  const controller = new AbortController();
  context.addEventListener("abort", () => controller.abort());
  let found: ServerCompletion;
  try {
    found = await options.complete(text, toBytes(text, context.pos), controller.signal);
  } catch {
    return null; // typing goes on without completion
  }
  if (context.aborted || found.options.length === 0) return null;
  return {
    from: toPlace(text, found.start),
    to: toPlace(text, found.end),
    filter: false, // the server has chosen and ordered
    options: found.options.map((option, index) => ({
      label: option.insert,
      displayLabel: option.label,
      detail: option.kind,
      boost: -index,
      info: () => info(option, options),
    })),
  };
}

function kindLabel(kind: string, options: EditorOptions): Node {
  const label = document.createElement("span");
  label.className = `completion-kind completion-${kind}`;
  label.textContent = options.kindName(kind);
  return label;
}

function info(option: ServerCompletion["options"][number], options: EditorOptions): Node | null {
  const text = options.explain(option);
  if (!text) return null;
  const element = document.createElement("div");
  element.textContent = text;
  return element;
}

const colouring = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;
    constructor(view: EditorView) {
      this.decorations = colours(view);
    }
    update(update: ViewUpdate) {
      if (update.docChanged) this.decorations = colours(update.view);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

function colours(view: EditorView): DecorationSet {
  return Decoration.set(tokens(view.state.doc.toString()).map((token) => Decoration.mark({ class: `token-${token.kind}` }).range(token.from, token.to)));
}

function look(minLines: number): Extension {
  return EditorView.theme({
    "&": { fontSize: "13.5px", backgroundColor: "transparent" },
    "&.cm-focused": { outline: "none" },
    ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "22px", minHeight: `${minLines * 22 + 16}px`, maxHeight: "420px" },
    ".cm-content": { padding: "8px 0", caretColor: "var(--ink)" },
    ".cm-line": { padding: "0 10px" },
    ".cm-gutters": { display: "none" },
    ".cm-placeholder": { color: "var(--faint)" },
    ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--no) 1px", textUnderlineOffset: "4px", textDecorationSkipInk: "none" },
    ".cm-tooltip": { border: "1px solid var(--line)", borderRadius: "5px", backgroundColor: "var(--surface)", boxShadow: "0 6px 24px rgb(20 40 44 / 14%)" },
    // A tooltip stands at the letters, which are lower than their line: a little room keeps it off the line.
    ".cm-tooltip.cm-tooltip-autocomplete.cm-tooltip-below": { marginTop: "3px" },
    ".cm-tooltip.cm-tooltip-autocomplete.cm-tooltip-above": { transform: "translateY(-3px)" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", fontSize: "13px", maxHeight: "17em" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { display: "flex", gap: "16px", justifyContent: "space-between", padding: "4px 10px", lineHeight: "20px" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--ink)" },
    ".cm-completionDetail": { display: "none" },
    ".cm-tooltip.cm-completionInfo": { padding: "8px 10px", maxWidth: "320px", fontSize: "13px", whiteSpace: "pre-line" },
    ".cm-tooltip-lint": { padding: "2px" },
    ".cm-diagnostic": { borderLeft: "3px solid var(--no)", whiteSpace: "pre-line", fontFamily: "var(--sans)", fontSize: "13px", maxWidth: "420px" },
  });
}
