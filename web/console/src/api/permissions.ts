import { createContext, useContext } from "react";
import type { Session } from "./types";

// The names of the server's permissions. The server decides on every request; the console only leaves out what would be refused.
export type Permission =
  | "read"
  | "customers.read"
  | "query"
  | "export"
  | "assign"
  | "consent"
  | "compute"
  | "define"
  | "import"
  | "sources"
  | "tokens"
  | "users"
  | "audit"
  | "maintain";

export function allows(session: Session | null | undefined, permission: Permission): boolean {
  return session?.permissions.includes(permission) ?? false;
}

export const SessionContext = createContext<Session | null>(null);

/** The session; only below the sign-in. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession outside of a session");
  return session;
}

export function useAllowed(permission: Permission): boolean {
  return allows(useContext(SessionContext), permission);
}
