import type { HTMLAttributes, KeyboardEvent } from "react";

/** The properties of a table row that opens by click and Enter, and moves by the arrow keys. */
export function rowKeys(open: () => void): HTMLAttributes<HTMLElement> {
  return {
    tabIndex: 0,
    className: "row-opens",
    onClick: (event) => {
      // Links and buttons in the row act for themselves; so does selecting text.
      if ((event.target as HTMLElement).closest("a,button")) return;
      if (globalThis.getSelection()?.toString()) return;
      open();
    },
    onKeyDown: (event) => {
      if (event.target !== event.currentTarget) return;
      if (event.key === "Enter") {
        event.preventDefault();
        open();
      }
      if (event.key === "ArrowDown" || event.key === "ArrowUp") moveFocus(event);
    },
  };
}

function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const down = event.key === "ArrowDown";
  let next = down ? event.currentTarget.nextElementSibling : event.currentTarget.previousElementSibling;
  while (next && (next as HTMLElement).tabIndex < 0) next = down ? next.nextElementSibling : next.previousElementSibling;
  if (!next) return;
  event.preventDefault();
  (next as HTMLElement).focus();
}
