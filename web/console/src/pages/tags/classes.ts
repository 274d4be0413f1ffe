// The built-in standards that sort tags into classes, as the server has them.
export const classSets = [
  { key: "nature", classes: ["behavior", "attribute", "interest", "lifecycle"] },
  { key: "origin", classes: ["fact", "behavior", "source", "state"] },
  { key: "six_dimensions", classes: ["basic", "channel", "track", "intent", "status", "transaction"] },
  { key: "four_dimensions", classes: ["consumption", "conduct", "foundation", "journey"] },
  { key: "segmentation", classes: ["demographic", "purchase", "preference", "interaction", "geography", "assets", "finance"] },
] as const;
