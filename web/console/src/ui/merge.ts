export interface Difference<T> {
  field: keyof T & string;
  base: unknown;
  theirs: unknown;
  mine: unknown;
  /** Both changed it, and not to the same. */
  clash: boolean;
}

/** The fields that one of two people changed, starting from the same base. */
export function differences<T extends object>(base: T, theirs: T, mine: T): Difference<T>[] {
  const fields = new Set([...Object.keys(base), ...Object.keys(theirs), ...Object.keys(mine)]) as Set<keyof T & string>;
  const found: Difference<T>[] = [];
  for (const field of fields) {
    const theirChange = !same(base[field], theirs[field]);
    const myChange = !same(base[field], mine[field]);
    if (!theirChange && !myChange) continue;
    found.push({
      field,
      base: base[field],
      theirs: theirs[field],
      mine: mine[field],
      clash: theirChange && myChange && !same(theirs[field], mine[field]),
    });
  }
  return found;
}

/** Theirs, with my changes on top. */
export function merged<T extends object>(base: T, theirs: T, mine: T): T {
  const result = { ...theirs };
  for (const { field } of differences(base, theirs, mine)) {
    if (same(base[field], mine[field])) continue;
    if (mine[field] === undefined) delete result[field];
    else result[field] = mine[field];
  }
  return result;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
