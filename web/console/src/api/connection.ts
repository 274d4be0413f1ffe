import { useSyncExternalStore } from "react";

// Two facts that any request may find out, and that the whole page shows: the server is out of reach; the session has
// ended. They are kept outside React because the client that finds them out is.

interface Connection {
  reachable: boolean;
  signedOut: boolean;
}

let current: Connection = { reachable: true, signedOut: false };
const listeners = new Set<() => void>();

export function report(change: Partial<Connection>): void {
  const next = { ...current, ...change };
  if (next.reachable === current.reachable && next.signedOut === current.signedOut) return;
  current = next;
  for (const listener of listeners) listener();
}

/** What is known now. */
export function connection(): Connection {
  return current;
}

/** The same, followed by the component. */
export function useConnection(): Connection {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, connection);
}
