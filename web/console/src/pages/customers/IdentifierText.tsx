import type { Identifier } from "../../api/types";

export function IdentifierText({ identifier }: { identifier: Identifier }) {
  return (
    <span className="identifier">
      <span className="quiet">{identifier.kind}</span> <span className="mono">{identifier.value}</span>
    </span>
  );
}
